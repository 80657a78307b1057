/* Opens the canvas that a Python object is, for the modules that bind place.c. */

#ifndef DATAPREP_CANVAS_H
#define DATAPREP_CANVAS_H

#include <Python.h>

#include "place.h"

/* Returns whether an object is a writable (3, H, W) of a height and width, of the type of (3, 256) levels, which has 1, 2 or 4 bytes,
   and which canvas it is; the view is then to be released. */
static int open_canvas(PyObject *object, const Py_buffer *levels, int height, int width, Py_buffer *view, struct canvas *canvas) {
    if (PyObject_GetBuffer(object, view, PyBUF_WRITABLE | PyBUF_STRIDES) < 0) return 0;
    Py_ssize_t size = view->itemsize;
    int fits = (size == 1 || size == 2 || size == 4) && levels->len == size * 3 * 256 && view->ndim == 3 &&
               is_aligned(levels->buf, (size_t)size) && is_aligned(view->buf, (size_t)size) && view->shape[0] == 3 &&
               view->shape[1] == height && view->shape[2] == width;
    for (int axis = 0; fits && axis < 3; axis++) {
        fits = view->strides[axis] % size == 0;
        canvas->strides[axis] = view->strides[axis] / size;
    }
    canvas->first = view->buf;
    canvas->size = (size_t)size;
    if (fits) return 1;
    PyBuffer_Release(view);
    PyErr_SetString(PyExc_ValueError, "an RGB image, (3, 256) levels and (3, H, W) of their type do not fit each other");
    return 0;
}

#endif
