/* Decodes a part of a JPEG by libjpeg-turbo, which need not transform, upsample and convert what nobody will see.

   The pixels are those that the whole image has there. A decoder that starts in the middle of an image knows no neighbours beyond
   the edge and upsamples chroma otherwise there, so it starts and ends one MARGIN further out, and only what lies inside is kept. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#ifndef LIBJPEG_TURBO_VERSION
#error "this needs libjpeg-turbo, which can skip rows and columns"
#endif

#define MARGIN 32 /* pixels: the largest MCU */
#define LINES 16  /* that are read at once */

struct box {
    JDIMENSION top, left, height, width; /* pixels */
};

struct failure {
    struct jpeg_error_mgr manager;
    jmp_buf back;
};

static void give_up(j_common_ptr info) { longjmp(((struct failure *)info->err)->back, 1); }

/* What libjpeg only warns of, such as data that end early, is left to the whole decoder and its errors. */
static void take_no_warning(j_common_ptr info, int level) {
    if (level < 0) give_up(info);
}

static void say_nothing(j_common_ptr info) { (void)info; }

/* Fills `out` with the RGB rows of a part; returns whether it could. */
static int decode(const unsigned char *data, size_t size, struct box part, unsigned char *out) {
    struct jpeg_decompress_struct info;
    struct failure failure;

    info.err = jpeg_std_error(&failure.manager);
    failure.manager.error_exit = give_up;
    failure.manager.emit_message = take_no_warning;
    failure.manager.output_message = say_nothing;
    if (setjmp(failure.back)) {
        jpeg_destroy_decompress(&info);
        return 0;
    }
    jpeg_create_decompress(&info);
    jpeg_mem_src(&info, data, size);
    jpeg_read_header(&info, TRUE);
    info.out_color_space = JCS_RGB;
    jpeg_start_decompress(&info);
    if (part.left + part.width > info.output_width || part.top + part.height > info.output_height) give_up((j_common_ptr)&info);

    JDIMENSION left = part.left > MARGIN ? part.left - MARGIN : 0;
    JDIMENSION right = part.left + part.width + MARGIN, width;
    if (right > info.output_width) right = info.output_width;
    width = right - left;
    if (width < info.output_width) jpeg_crop_scanline(&info, &left, &width); /* moves `left` to the edge of an MCU */
    if (part.top > MARGIN) jpeg_skip_scanlines(&info, part.top - MARGIN);

    JSAMPARRAY lines = info.mem->alloc_sarray((j_common_ptr)&info, JPOOL_IMAGE, info.output_width * 3, LINES);
    size_t row = (size_t)part.width * 3;
    JDIMENSION y = info.output_scanline, end = part.top + part.height;
    while (y < end) {
        JDIMENSION count = jpeg_read_scanlines(&info, lines, end - y < LINES ? end - y : LINES);
        for (JDIMENSION line = 0; line < count; line++, y++)
            if (y >= part.top) memcpy(out + (y - part.top) * row, lines[line] + 3 * (part.left - left), row);
    }
    jpeg_destroy_decompress(&info);
    return 1;
}

static PyObject *py_decode(PyObject *module, PyObject *args) {
    Py_buffer data, out;
    unsigned int top, left, height, width;
    int done;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*w*(IIII)", &data, &out, &top, &left, &height, &width)) return NULL;
    if (out.len != (Py_ssize_t)height * width * 3) {
        PyBuffer_Release(&data);
        PyBuffer_Release(&out);
        return PyErr_Format(PyExc_ValueError, "%u x %u RGB pixels do not fit into %zd bytes exactly", width, height, out.len);
    }
    Py_BEGIN_ALLOW_THREADS;
    done = decode(data.buf, (size_t)data.len, (struct box){top, left, height, width}, out.buf);
    Py_END_ALLOW_THREADS;
    PyBuffer_Release(&data);
    PyBuffer_Release(&out);
    return PyBool_FromLong(done);
}

static PyMethodDef methods[] = {{"decode", py_decode, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "dataprep.native.jpeg", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_jpeg(void) { return PyModuleDef_Init(&definition); }
