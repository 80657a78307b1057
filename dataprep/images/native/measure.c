/* What is measured of an image's bytes without a Python object in between. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include "head.h"

/* Returns the ICC profile in one piece, None where there is none. */
static PyObject *profile_of(const uint8_t *data, const struct head *head) {
    if (head->pieces == 0) Py_RETURN_NONE;
    PyObject *pieces = PyTuple_New(head->pieces), *nothing = PyBytes_FromStringAndSize(NULL, 0), *whole = NULL;
    for (int piece = 0; pieces != NULL && piece < head->pieces; piece++) {
        struct extent extent = head->profile[piece];
        PyObject *bytes = PyBytes_FromStringAndSize((const char *)data + extent.start, (Py_ssize_t)(extent.stop - extent.start));
        if (bytes == NULL || PyTuple_SetItem(pieces, piece, bytes) < 0) Py_CLEAR(pieces);
    }
    if (pieces != NULL && nothing != NULL) whole = PyObject_CallMethod(nothing, "join", "(O)", pieces);
    Py_XDECREF(pieces);
    Py_XDECREF(nothing);
    return whole;
}

static PyObject *py_head(PyObject *module, PyObject *object) {
    Py_buffer data;
    struct head head;
    PyObject *found = Py_None;
    (void)module;
    if (PyObject_GetBuffer(object, &data, PyBUF_SIMPLE) < 0) return NULL;
    if (head_read(data.buf, (size_t)data.len, &head)) {
        int scans = head_scans(data.buf, (size_t)data.len, &head, 100);
        PyObject *profile = profile_of(data.buf, &head);
        found = profile == NULL ? NULL
                                : Py_BuildValue("(iiiiiinnNi)", head.frame, head.height, head.width, head.colours, head.usual,
                                                head.orientation, (Py_ssize_t)head.exif.start, (Py_ssize_t)head.exif.stop, profile, scans);
    } else
        Py_INCREF(found);
    PyBuffer_Release(&data);
    return found;
}

static PyMethodDef methods[] = {
    {"head", py_head, METH_O,
     "head(data) -> (frame, height, width, colours, usual, orientation, exif start, exif stop, profile, scans), or None"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "dataprep.images.native.measure", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_measure(void) { return PyModuleDef_Init(&definition); }
