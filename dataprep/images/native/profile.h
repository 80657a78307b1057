/* The ICC profile of a JPEG as Python has it, for the modules that bind the rest. */

#ifndef DATAPREP_PROFILE_H
#define DATAPREP_PROFILE_H

#include <Python.h>

#include <string.h>

#include "head.h"

/* Returns the ICC profile in one piece, empty where there is none. */
static inline PyObject *profile_of(const uint8_t *data, const struct head *head) {
    Py_ssize_t size = 0;
    for (int piece = 0; piece < head->pieces; piece++) size += (Py_ssize_t)(head->profile[piece].stop - head->profile[piece].start);
    PyObject *profile = PyBytes_FromStringAndSize(NULL, size);
    char *to = profile == NULL ? NULL : PyBytes_AsString(profile);
    for (int piece = 0; to != NULL && piece < head->pieces; piece++) {
        size_t start = head->profile[piece].start, length = head->profile[piece].stop - start;
        memcpy(to, data + start, length);
        to += length;
    }
    return profile;
}

#endif
