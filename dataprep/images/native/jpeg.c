/* Decodes a part of a JPEG by libjpeg-turbo, which need not transform, upsample and convert what nobody will see.

   The pixels are those that the whole image has there. A decoder that starts in the middle of an image knows no neighbours beyond
   the edge and upsamples chroma otherwise there, so it starts and ends one MARGIN further out. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#ifndef LIBJPEG_TURBO_VERSION
#error "this needs libjpeg-turbo, which can skip rows and columns"
#endif

#define MARGIN 32 /* pixels: the largest MCU */
#define LINES 16  /* that are read at once */
#define MOST 65500 /* pixels of a side, of any JPEG */

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

/* Whether what a progressive file lacks is made up, by a smoothing that sees more of the image than a part. */
static int is_made_up(const struct jpeg_decompress_struct *info) {
    if (!info->progressive_mode || info->coef_bits == NULL) return 0;
    for (int component = 0; component < info->num_components; component++)
        for (int frequency = 0; frequency < DCTSIZE2; frequency++)
            if (info->coef_bits[component][frequency] != 0) return 1;
    return 0;
}

/* Fills `out` with RGB rows of which a part is a piece, and says at which column of the image they begin and how wide they are;
   returns whether it could. */
static int decode(const unsigned char *data, size_t size, struct box part, const Py_buffer *out, JDIMENSION *start,
                  JDIMENSION *wide) {
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
    if (part.left + part.width > info.output_width || part.top + part.height > info.output_height || is_made_up(&info))
        give_up((j_common_ptr)&info);

    JDIMENSION left = part.left > MARGIN ? part.left - MARGIN : 0;
    JDIMENSION right = part.left + part.width + MARGIN, width;
    if (right > info.output_width) right = info.output_width;
    width = right - left;
    if (width < info.output_width) jpeg_crop_scanline(&info, &left, &width); /* moves `left` to the edge of an MCU */
    if (part.top > MARGIN) jpeg_skip_scanlines(&info, part.top - MARGIN);

    size_t row = (size_t)info.output_width * 3;
    if ((size_t)out->len < row * part.height) give_up((j_common_ptr)&info);
    JSAMPROW unseen = info.mem->alloc_large((j_common_ptr)&info, JPOOL_IMAGE, row), lines[LINES];
    while (info.output_scanline < part.top) jpeg_read_scanlines(&info, &unseen, 1);
    while (info.output_scanline < part.top + part.height) {
        JDIMENSION done = info.output_scanline - part.top, count = part.height - done < LINES ? part.height - done : LINES;
        for (JDIMENSION line = 0; line < count; line++) lines[line] = (JSAMPROW)out->buf + (done + line) * row;
        jpeg_read_scanlines(&info, lines, count);
    }
    *start = left;
    *wide = info.output_width;
    jpeg_destroy_decompress(&info);
    return 1;
}

static PyObject *py_decode(PyObject *module, PyObject *args) {
    Py_buffer data, out;
    Py_ssize_t top, left, height, width;
    JDIMENSION start = 0, wide = 0;
    int done;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*w*(nnnn)", &data, &out, &top, &left, &height, &width)) return NULL;
    if (top < 0 || left < 0 || height < 1 || width < 1 || top > MOST || left > MOST || height > MOST || width > MOST) {
        PyBuffer_Release(&data);
        PyBuffer_Release(&out);
        return PyErr_Format(PyExc_ValueError, "a part of %zd × %zd pixels at row %zd, column %zd is of no JPEG", height, width, top, left);
    }
    struct box part = {(JDIMENSION)top, (JDIMENSION)left, (JDIMENSION)height, (JDIMENSION)width};
    Py_BEGIN_ALLOW_THREADS;
    done = decode(data.buf, (size_t)data.len, part, &out, &start, &wide);
    Py_END_ALLOW_THREADS;
    PyBuffer_Release(&data);
    PyBuffer_Release(&out);
    if (!done) Py_RETURN_NONE;
    return Py_BuildValue("(II)", start, wide);
}

static PyMethodDef methods[] = {
    {"decode", py_decode, METH_VARARGS, "decode(data, out, (top, left, height, width)) -> (left, width) of the rows in `out`, or None"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "dataprep.images.native.jpeg", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_jpeg(void) { return PyModuleDef_Init(&definition); }
