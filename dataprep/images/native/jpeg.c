/* Binds part.c, strict.c, raw.c and render.c: what it is given is checked here, so that it reads and writes nothing else. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include "canvas.h"
#include "head.h"
#include "part.h"
#include "profile.h"
#include "raw.h"
#include "render.h"
#include "strict.h"
#include "turn.h"

#define MOST 65500 /* pixels of a side, of any JPEG */

/* Decodes a part by the strict decoder; returns whether it could. */
static int decode_strictly(const Py_buffer *data, struct box part, struct rows *rows) {
    struct head head;
    size_t row = 3 * (size_t)part.width;
    rows->start = part.left;
    rows->wide = part.width;
    return strict_is_quick() && rows->size / row >= (size_t)part.height && head_read(data->buf, (size_t)data->len, &head) &&
           strict_part(data->buf, (size_t)data->len, &head, part, 0, 0,
                       (struct pixels){rows->first, (ptrdiff_t)row, part.height, part.width, 3});
}

static PyObject *py_decode(PyObject *module, PyObject *args) {
    Py_buffer data, out;
    Py_ssize_t top, left, height, width;
    int done, quickly = 0;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*w*(nnnn)|p", &data, &out, &top, &left, &height, &width, &quickly)) return NULL;
    if (top < 0 || left < 0 || height < 1 || width < 1 || top > MOST || left > MOST || height > MOST || width > MOST) {
        PyBuffer_Release(&data);
        PyBuffer_Release(&out);
        return PyErr_Format(PyExc_ValueError, "a part of %zd × %zd pixels at row %zd, column %zd is of no JPEG", height, width, top, left);
    }
    struct box part = {(int)top, (int)left, (int)height, (int)width};
    struct rows rows = {out.buf, (size_t)out.len, 0, 0};
    Py_BEGIN_ALLOW_THREADS;
    done = (quickly && decode_strictly(&data, part, &rows)) || part_decode(data.buf, (size_t)data.len, part, 0, &rows);
    Py_END_ALLOW_THREADS;
    PyBuffer_Release(&data);
    PyBuffer_Release(&out);
    if (!done) Py_RETURN_NONE;
    return Py_BuildValue("(ii)", rows.start, rows.wide);
}

/* Returns what a function says of the profile, 1 where there is none, -1 with an error. */
static int is_as_it_is(PyObject *judge, const uint8_t *data, const struct head *head) {
    if (head->pieces == 0) return 1;
    PyObject *profile = profile_of(data, head);
    PyObject *said = profile == NULL ? NULL : PyObject_CallFunctionObjArgs(judge, profile, NULL);
    int is = said == NULL ? -1 : PyObject_IsTrue(said);
    Py_XDECREF(profile);
    Py_XDECREF(said);
    return is;
}

/* Returns whether a JPEG has the upright height and width that it is said to have, and colours that stay as they are; -1 with an error. */
static int is_mine(const Py_buffer *data, const int size[2], PyObject *judge, struct head *head) {
    if (!head_read(data->buf, (size_t)data->len, head)) return 0;
    int turned = turn_of(head->orientation).transposed;
    if (size[0] != (turned ? head->width : head->height) || size[1] != (turned ? head->height : head->width)) return 0;
    return is_as_it_is(judge, data->buf, head);
}

/* Returns how much memory is needed where it is too little, 0 where all is done, None for "not mine". */
static PyObject *render_into(const Py_buffer *data, const int size[2], PyObject *judge, const struct rendering *rendering,
                             const Py_buffer *memory) {
    struct head head;
    struct pixels raw;
    size_t available = (size_t)memory->len;
    enum rendered done;
    int is_raw = raw_open(data->buf, (size_t)data->len, &raw);
    int is = is_raw ? raw.height == size[0] && raw.width == size[1] : is_mine(data, size, judge, &head);
    if (is < 0) return NULL;
    if (!is) Py_RETURN_NONE;
    Py_BEGIN_ALLOW_THREADS;
    done = is_raw ? render_pixels(raw, rendering, memory->buf, &available)
                  : render(data->buf, (size_t)data->len, &head, rendering, memory->buf, &available);
    Py_END_ALLOW_THREADS;
    if (done == NOT_MINE) Py_RETURN_NONE;
    return PyLong_FromSize_t(done == RENDERED ? 0 : available);
}

static PyObject *py_render(PyObject *module, PyObject *args) {
    PyObject *judge, *to, *found = NULL;
    Py_buffer data, memory, out;
    struct lent lent = {0};
    struct rendering rendering;
    struct window *window = &rendering.window;
    struct box *box = &window->box, *part = &window->part;
    int size[2], filter, down_first;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*(ii)O((iiii)(ii)(iiii)i)pw*py*O|z*", &data, &size[0], &size[1], &judge, &box->top, &box->left,
                          &box->height, &box->width, &window->height, &window->width, &part->top, &part->left, &part->height,
                          &part->width, &filter, &down_first, &memory, &rendering.mirror, &lent.table, &to, &lent.line))
        return NULL;
    window->filter = (enum filter)filter;
    window->way = down_first ? DOWN_FIRST : ACROSS_FIRST;
    if (filter < BILINEAR || filter > LANCZOS || !window_fits(window, size[0], size[1]) || !is_aligned(memory.buf, sizeof(int32_t)))
        PyErr_SetString(PyExc_ValueError, "the window does not lie in the image, there is no such filter, or memory begins between words");
    else if (open_levels(&lent, &rendering.levels) &&
             open_canvas(to, &lent.table, part->height, part->width, &out, &rendering.canvas)) {
        found = render_into(&data, size, judge, &rendering, &memory);
        PyBuffer_Release(&out);
    }
    PyBuffer_Release(&data);
    PyBuffer_Release(&memory);
    release(&lent);
    return found;
}

static PyMethodDef methods[] = {
    {"render", py_render, METH_VARARGS,
     "render(data, (height, width), judge, (box, target, part, filter), down first, memory, mirror, levels, out, line=None)\n"
     "-> 0, or the bytes of memory that it needs, or None for what is not mine"},
    {"decode", py_decode, METH_VARARGS,
     "decode(data, out, (top, left, height, width), quickly=False) -> (left, width) of the rows in `out`, or None;\n"
     "only libjpeg decodes unless it may be done quickly"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "dataprep.images.native.jpeg", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_jpeg(void) { return PyModuleDef_Init(&definition); }
