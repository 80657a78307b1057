/* Binds alignment.c: what it is given is checked here, so that it reads nothing else. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <stdint.h>

#include "alignment.h"

/* Returns whether a buffer holds so many numbers of a size, where numbers of the size may be. */
static int holds(const Py_buffer *buffer, size_t count, size_t size) {
    return (size_t)buffer->len == count * size && (uintptr_t)buffer->buf % size == 0;
}

static PyObject *py_align(PyObject *module, PyObject *args) {
    Py_buffer first, second, weights, starts;
    double enough, found = 0;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*y*y*y*d", &first, &second, &weights, &starts, &enough)) return NULL;
    const size_t pixels = ALIGN_SIDE * ALIGN_SIDE, count = (size_t)starts.len / (ALIGN_TERMS * sizeof(double));
    int fit = holds(&first, pixels, sizeof(float)) && holds(&second, pixels, sizeof(float)) && count < 1000 &&
              holds(&weights, ALIGN_WEIGHTS, sizeof(double)) && holds(&starts, count * ALIGN_TERMS, sizeof(double));
    if (fit) {
        Py_BEGIN_ALLOW_THREADS;
        found = align(first.buf, second.buf, weights.buf, starts.buf, (int)count, enough);
        Py_END_ALLOW_THREADS;
    }
    PyBuffer_Release(&first);
    PyBuffer_Release(&second);
    PyBuffer_Release(&weights);
    PyBuffer_Release(&starts);
    if (!fit) return PyErr_Format(PyExc_ValueError, "pictures are (32, 32) float32, the weights 4 and each start 6 float64");
    return PyFloat_FromDouble(found);
}

static PyMethodDef methods[] = {
    {"align", py_align, METH_VARARGS, "align(first, second, weights, starts, enough) -> float"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "dataprep.images.native.align", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_align(void) { return PyModuleDef_Init(&definition); }
