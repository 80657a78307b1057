/* An image that Python lends, for the modules that bind the rest. */

#ifndef DATAPREP_IMAGE_H
#define DATAPREP_IMAGE_H

#include <Python.h>

#include "resize.h"

/* Returns whether an object is an (H, W) or (H, W, 3) image of bytes whose pixels lie side by side, and which one. */
static inline int open_image(PyObject *object, int flags, Py_buffer *view, struct pixels *image) {
    if (PyObject_GetBuffer(object, view, flags | PyBUF_STRIDES) < 0) return 0;
    Py_ssize_t channels = view->ndim == 3 ? view->shape[2] : 1;
    if (view->itemsize != 1 || view->ndim < 2 || view->ndim > 3 || (channels != 1 && channels != 3) || view->shape[0] > MOST_PIXELS ||
        view->shape[1] > MOST_PIXELS || view->strides[1] != channels || (view->ndim == 3 && view->strides[2] != 1)) {
        PyErr_SetString(PyExc_ValueError, "an image is (H, W) or (H, W, 3) bytes, the pixels of a row side by side");
        PyBuffer_Release(view);
        return 0;
    }
    *image = (struct pixels){view->buf, view->strides[0], (int)view->shape[0], (int)view->shape[1], (int)channels};
    return 1;
}

#endif
