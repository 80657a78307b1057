/* What is measured of an image's bytes without a Python object in between. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <stddef.h>
#include <string.h>

#include "head.h"
#include "image.h"
#include "measures.h"
#include "profile.h"
#include "shaper.h"
#include "strict.h"
#include "turn.h"

static PyObject *py_head(PyObject *module, PyObject *object) {
    Py_buffer data;
    struct head head;
    PyObject *found = Py_None;
    (void)module;
    if (PyObject_GetBuffer(object, &data, PyBUF_SIMPLE) < 0) return NULL;
    if (head_read(data.buf, (size_t)data.len, &head)) {
        int scans = head_scans(data.buf, (size_t)data.len, &head, 100);
        PyObject *profile = head.pieces ? profile_of(data.buf, &head) : Py_NewRef(Py_None);
        found = profile == NULL ? NULL
                                : Py_BuildValue("(iiiiiinnNi)", head.frame, head.height, head.width, head.colours, head.usual,
                                                head.orientation, (Py_ssize_t)head.exif.start, (Py_ssize_t)head.exif.stop, profile, scans);
    } else
        Py_INCREF(found);
    PyBuffer_Release(&data);
    return found;
}

/* What lies where in a record, as NumPy names types, and by which bit of `wanted` it is asked for. */
static const struct {
    const char *column, *type;
    size_t offset;
    int measure;
} LAYOUT[] = {
    {"brightness", "f8", offsetof(struct record, brightness), LUMINANCE},
    {"contrast", "f8", offsetof(struct record, contrast), LUMINANCE},
    {"sharpness", "f8", offsetof(struct record, sharpness), SHARPNESS},
    {"darkest", "i4", offsetof(struct record, darkest), LEVELS},
    {"lightest", "i4", offsetof(struct record, lightest), LEVELS},
    {"phash64", "V8", offsetof(struct record, phash64), PHASH64},
    {"phash256", "V32", offsetof(struct record, phash256), PHASH256},
    {"dhash64", "V8", offsetof(struct record, dhash64), DHASH64},
    {"dhash256", "V32", offsetof(struct record, dhash256), DHASH256},
    {"averagehash64", "V8", offsetof(struct record, averagehash64), AVERAGEHASH64},
    {"averagehash256", "V32", offsetof(struct record, averagehash256), AVERAGEHASH256},
    {"miniature", "V1056", offsetof(struct record, miniature), MINIATURE},
    {"channel_sums", "3i8", offsetof(struct record, channel_sums), CHANNEL_SUMS},
    {"channel_squares", "3i8", offsetof(struct record, channel_squares), CHANNEL_SUMS},
};
_Static_assert(sizeof(((struct record *)0)->miniature) == 1056, "LAYOUT says how long a small picture is");

#define SIDE_AT 32 /* bits of `wanted` before those of the side */
#define CHEAPER_FIRST (1 << 16)

/* Takes apart what Python hands on as one number. */
static int open_wanted(unsigned long long number, struct wanted *wanted) {
    *wanted = (struct wanted){(int)(number & ANYTHING), (int)(number >> SIDE_AT), (number & CHEAPER_FIRST) != 0};
    if (number >> SIDE_AT <= MOST_PIXELS && (number & 0xFFFFFFFF & ~(unsigned long long)CHEAPER_FIRST) <= ANYTHING) return 1;
    PyErr_SetString(PyExc_ValueError, "something is wanted that is not in LAYOUT");
    return 0;
}

/* Measures an image of one channel or three; None where it is not one for this code. */
static PyObject *measure_pixels(PyObject *args, int channels, enum found (*measure)(struct pixels, const struct wanted *, struct record *)) {
    PyObject *object;
    unsigned long long number;
    Py_buffer view;
    struct pixels image;
    struct wanted wanted;
    struct record record = {0};
    enum found found;
    if (!PyArg_ParseTuple(args, "OK", &object, &number) || !open_wanted(number, &wanted)) return NULL;
    if (!open_image(object, PyBUF_SIMPLE, &view, &image)) return NULL;
    if (image.channels != channels || image.height < 1 || image.width < 1) {
        PyBuffer_Release(&view);
        return PyErr_Format(PyExc_ValueError, "an image of %d channels and at least a pixel is measured here", channels);
    }
    Py_BEGIN_ALLOW_THREADS;
    found = measure(image, &wanted, &record);
    Py_END_ALLOW_THREADS;
    PyBuffer_Release(&view);
    if (found == NO_MEMORY) return PyErr_NoMemory();
    if (found == NOT_MINE) Py_RETURN_NONE;
    return PyBytes_FromStringAndSize((const char *)&record, sizeof record);
}

static PyObject *py_gray(PyObject *module, PyObject *args) {
    (void)module;
    return measure_pixels(args, 1, measure_gray);
}

static PyObject *py_rgb(PyObject *module, PyObject *args) {
    (void)module;
    return measure_pixels(args, 3, measure_rgb);
}

static PyObject *py_jpeg(PyObject *module, PyObject *args) {
    Py_buffer data;
    unsigned long long number;
    long long max_pixels;
    int profile_is_srgb;
    struct wanted wanted;
    struct head head;
    struct record record = {0};
    enum found found = NOT_MINE;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*KLp", &data, &number, &max_pixels, &profile_is_srgb)) return NULL;
    if (open_wanted(number, &wanted)) {
        Py_BEGIN_ALLOW_THREADS;
        found = measure_jpeg(data.buf, (size_t)data.len, &wanted, max_pixels, profile_is_srgb, &head, &record);
        Py_END_ALLOW_THREADS;
    }
    PyBuffer_Release(&data);
    if (PyErr_Occurred()) return NULL;
    if (found == NO_MEMORY) return PyErr_NoMemory();
    if (found == NOT_MINE) Py_RETURN_NONE;
    int turned = turn_of(head.orientation).transposed;
    return Py_BuildValue("(iinny#)", turned ? head.width : head.height, turned ? head.height : head.width, (Py_ssize_t)head.exif.start,
                         (Py_ssize_t)head.exif.stop, (const char *)&record, (Py_ssize_t)sizeof record);
}

/* Returns the size and the pixels of a plane, None where it was not asked for. */
static PyObject *plane_of(struct pixels plane, int scale) {
    if (scale == 0) Py_RETURN_NONE;
    Py_ssize_t row = (Py_ssize_t)plane.width * plane.channels;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, row * plane.height);
    if (bytes == NULL) return NULL;
    for (int y = 0; y < plane.height; y++) memcpy(PyBytes_AsString(bytes) + y * row, plane.first + y * plane.stride, (size_t)row);
    return Py_BuildValue("(iiN)", plane.height, plane.width, bytes);
}

static PyObject *py_decode(PyObject *module, PyObject *args) {
    Py_buffer data;
    struct head head;
    struct strict_planes planes = {0};
    int done;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*ii|p", &data, &planes.gray_scale, &planes.rgb_scale, &planes.plain)) return NULL;
    Py_BEGIN_ALLOW_THREADS;
    done = head_read(data.buf, (size_t)data.len, &head) && strict_decode(data.buf, (size_t)data.len, &head, &planes);
    Py_END_ALLOW_THREADS;
    PyBuffer_Release(&data);
    if (!done) Py_RETURN_NONE;
    PyObject *gray = plane_of(planes.gray, planes.gray_scale), *rgb = plane_of(planes.rgb, planes.rgb_scale);
    strict_free(&planes);
    if (gray != NULL && rgb != NULL) return Py_BuildValue("(NN)", gray, rgb);
    Py_XDECREF(gray);
    Py_XDECREF(rgb);
    return NULL;
}

static PyObject *py_profile(PyObject *module, PyObject *object) {
    static const int room = 255;
    Py_buffer data;
    char name[255];
    int length = -1;
    enum meaning meaning = SHAPER_UNFIT;
    (void)module;
    if (PyObject_GetBuffer(object, &data, PyBUF_SIMPLE) < 0) return NULL;
    PyObject *tables = PyBytes_FromStringAndSize(NULL, sizeof(struct shaper));
    struct shaper *shaper = tables == NULL ? NULL : (struct shaper *)PyBytes_AsString(tables);
    if (shaper != NULL && shaper_read(data.buf, (size_t)data.len, shaper)) {
        meaning = shaper_judge(shaper);
        length = shaper_name(data.buf, (size_t)data.len, name, room);
    }
    PyBuffer_Release(&data);
    if (length >= 0) return Py_BuildValue("(is#N)", (int)meaning, name, (Py_ssize_t)length, tables);
    Py_XDECREF(tables);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

static PyObject *py_recolour(PyObject *module, PyObject *args) {
    PyObject *from, *to;
    Py_buffer seen, made, tables;
    struct pixels image, out;
    int fits = 0;
    (void)module;
    if (!PyArg_ParseTuple(args, "Oy*O", &from, &tables, &to)) return NULL;
    if (open_image(from, PyBUF_SIMPLE, &seen, &image)) {
        if (open_image(to, PyBUF_WRITABLE, &made, &out)) {
            fits = tables.len == sizeof(struct shaper) && is_aligned(tables.buf, sizeof(int32_t)) && image.channels == 3 &&
                   out.height == image.height && out.width == image.width;
            Py_BEGIN_ALLOW_THREADS;
            if (fits) shaper_apply(tables.buf, image, out);
            Py_END_ALLOW_THREADS;
            PyBuffer_Release(&made);
        }
        PyBuffer_Release(&seen);
    }
    PyBuffer_Release(&tables);
    if (PyErr_Occurred()) return NULL;
    if (!fits) return PyErr_Format(PyExc_ValueError, "an RGB image, the tables of a profile, and room for its size are taken here");
    Py_RETURN_NONE;
}

static PyObject *py_part(PyObject *module, PyObject *args) {
    Py_buffer data;
    struct head head;
    struct box box;
    int to_end, plain, done;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*(iiii)pp", &data, &box.top, &box.left, &box.height, &box.width, &to_end, &plain)) return NULL;
    done = head_read(data.buf, (size_t)data.len, &head) && inside(box.top, box.height, head.height) &&
           inside(box.left, box.width, head.width);
    PyObject *found = done ? PyBytes_FromStringAndSize(NULL, (Py_ssize_t)box.height * box.width * 3) : NULL;
    if (found != NULL) {
        struct pixels rgb = {(uint8_t *)PyBytes_AsString(found), 3 * (ptrdiff_t)box.width, box.height, box.width, 3};
        Py_BEGIN_ALLOW_THREADS;
        done = strict_part(data.buf, (size_t)data.len, &head, box, to_end, plain, rgb);
        Py_END_ALLOW_THREADS;
    }
    PyBuffer_Release(&data);
    if (done) return found;
    Py_XDECREF(found);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"gray", py_gray, METH_VARARGS, "gray(pixels, wanted) -> record of (H, W) luminance"},
    {"rgb", py_rgb, METH_VARARGS, "rgb(pixels, wanted) -> record of (H, W, 3) RGB, or None"},
    {"jpeg", py_jpeg, METH_VARARGS,
     "jpeg(data, wanted, max_pixels, profile_is_srgb) -> (height, width, exif start, exif stop, record), or None"},
    {"decode", py_decode, METH_VARARGS,
     "decode(data, gray scale, RGB scale, plain=False) -> two of (height, width, pixels), None for a scale of 0; or None"},
    {"part", py_part, METH_VARARGS,
     "part(data, (top, left, height, width), to the end, plain) -> RGB of a box of what `decode` takes, or None"},
    {"head", py_head, METH_O,
     "head(data) -> (frame, height, width, colours, usual, orientation, exif start, exif stop, profile, scans), or None"},
    {"profile", py_profile, METH_O, "profile(data) -> (0 where it makes no sense, 1 for sRGB, 2 for another; name, tables), or None"},
    {"recolour", py_recolour, METH_VARARGS, "recolour(image, tables, out): as sRGB, or as its luminance where out has one channel"},
    {NULL, NULL, 0, NULL},
};

static PyObject *layout(void) {
    Py_ssize_t size = sizeof LAYOUT / sizeof *LAYOUT;
    PyObject *tuple = PyTuple_New(size);
    for (Py_ssize_t at = 0; tuple != NULL && at < size; at++) {
        PyObject *entry = Py_BuildValue("(ssni)", LAYOUT[at].column, LAYOUT[at].type, (Py_ssize_t)LAYOUT[at].offset, LAYOUT[at].measure);
        if (entry == NULL || PyTuple_SetItem(tuple, at, entry) < 0) Py_CLEAR(tuple);
    }
    return tuple;
}

static int add_constants(PyObject *module) {
    PyObject *tuple = layout();
    int added = tuple == NULL ? -1 : PyModule_AddObjectRef(module, "LAYOUT", tuple);
    Py_XDECREF(tuple);
    if (added < 0 || PyModule_AddIntConstant(module, "SIZE", sizeof(struct record)) < 0) return -1;
    return PyModule_AddIntConstant(module, "SIDE_AT", SIDE_AT) < 0 ? -1 : PyModule_AddIntConstant(module, "CHEAPER_FIRST", CHEAPER_FIRST);
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, add_constants}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "dataprep.images.native.measure", NULL, 0, methods, slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_measure(void) { return PyModuleDef_Init(&definition); }
