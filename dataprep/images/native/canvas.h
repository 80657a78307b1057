/* Opens the canvas that a Python object is, for the modules that bind place.c. */

#ifndef DATAPREP_CANVAS_H
#define DATAPREP_CANVAS_H

#include <Python.h>

#include "place.h"

/* Levels that Python lends: the table, and perhaps the line through it. */
struct lent {
    Py_buffer table, line;
};

static void release(struct lent *lent) {
    PyBuffer_Release(&lent->table);
    if (lent->line.obj != NULL) PyBuffer_Release(&lent->line);
}

/* Returns whether what is lent as a line is (3, 2) doubles, or nothing, and which levels these are. */
static int open_levels(const struct lent *lent, struct levels *levels) {
    *levels = (struct levels){lent->table.buf, lent->line.buf};
    if (lent->line.buf == NULL || (lent->line.len == 6 * sizeof(double) && is_aligned(lent->line.buf, sizeof(double)))) return 1;
    PyErr_SetString(PyExc_ValueError, "a line through levels is (3, 2) doubles: slope and start by channel");
    return 0;
}

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
