/* Binds resize.c and place.c: what it is given is checked here, so that it reads and writes nothing else. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include "canvas.h"
#include "image.h"
#include "resize.h"

static PyObject *py_taps(PyObject *module, PyObject *args) {
    struct axis axis;
    int filter;
    (void)module;
    if (!PyArg_ParseTuple(args, "iiiii", &axis.source, &axis.target, &axis.part.start, &axis.part.length, &filter)) return NULL;
    if (axis.source < 1 || axis.source > MOST_PIXELS || axis.target > MOST_PIXELS || filter < BILINEAR || filter > LANCZOS ||
        !inside(axis.part.start, axis.part.length, axis.target))
        return PyErr_Format(PyExc_ValueError, "what is wanted does not lie in what there is");
    struct taps taps;
    int count = taps_count(&axis, (enum filter)filter);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(taps_size(axis.part.length, count) * sizeof(int32_t)));
    if (bytes == NULL || taps_fill(&axis, (enum filter)filter, count, (int32_t *)PyBytes_AsString(bytes), &taps)) return bytes;
    Py_DECREF(bytes);
    return PyErr_NoMemory();
}

/* Resizes where the taps are taps of the result's height and width; returns what is wrong, or NULL. */
static const char *resize_by(struct pixels image, int top, int left, const Py_buffer taps[2], int way, struct pixels out,
                             const Py_buffer *memory) {
    struct taps rows, columns;
    if (!taps_open(taps[0].buf, (size_t)taps[0].len, out.height, &rows) ||
        !taps_open(taps[1].buf, (size_t)taps[1].len, out.width, &columns))
        return "image, taps and result do not fit each other";
    return resize(image, top, left, &rows, &columns, way, out, memory->buf, (size_t)memory->len);
}

static PyObject *py_resize(PyObject *module, PyObject *args) {
    PyObject *from, *to;
    Py_buffer seen, made, taps[2], memory;
    struct pixels image, out;
    int top, left, way;
    const char *fault = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOiiy*y*iw*", &from, &to, &top, &left, &taps[0], &taps[1], &way, &memory)) return NULL;
    if (open_image(from, PyBUF_SIMPLE, &seen, &image)) {
        if (open_image(to, PyBUF_WRITABLE, &made, &out)) {
            Py_BEGIN_ALLOW_THREADS;
            fault = resize_by(image, top, left, taps, way, out, &memory);
            Py_END_ALLOW_THREADS;
            PyBuffer_Release(&made);
        }
        PyBuffer_Release(&seen);
    }
    PyBuffer_Release(&taps[0]);
    PyBuffer_Release(&taps[1]);
    PyBuffer_Release(&memory);
    if (fault != NULL) PyErr_SetString(PyExc_ValueError, fault);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

static PyObject *py_place(PyObject *module, PyObject *args) {
    PyObject *from, *to;
    Py_buffer seen, out;
    struct lent lent = {0};
    struct levels levels;
    struct pixels image;
    struct canvas canvas;
    int mirror;
    (void)module;
    if (!PyArg_ParseTuple(args, "Opy*O|z*", &from, &mirror, &lent.table, &to, &lent.line)) return NULL;
    if (open_levels(&lent, &levels) && open_image(from, PyBUF_SIMPLE, &seen, &image)) {
        if (image.channels != 3)
            PyErr_SetString(PyExc_ValueError, "what is placed is an RGB image, (H, W, 3)");
        else if (open_canvas(to, &lent.table, image.height, image.width, &out, &canvas)) {
            Py_BEGIN_ALLOW_THREADS;
            place(image, mirror, &levels, &canvas);
            Py_END_ALLOW_THREADS;
            PyBuffer_Release(&out);
        }
        PyBuffer_Release(&seen);
    }
    release(&lent);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"taps", py_taps, METH_VARARGS, "taps(source, target, start, length, filter) -> bytes"},
    {"resize", py_resize, METH_VARARGS, "resize(image, out, top, left, rows, columns, way, memory)"},
    {"place", py_place, METH_VARARGS, "place(image, mirror, levels, out, line=None)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "dataprep.images.native.resample", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_resample(void) { return PyModuleDef_Init(&definition); }
