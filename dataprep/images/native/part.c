/* Decodes a part of a JPEG by libjpeg-turbo. See part.h.

   The pixels are those that the whole image has there. A decoder that starts in the middle of an image knows no neighbours beyond
   the edge and upsamples chroma otherwise there, so it starts and ends a little further out where it upsamples. */

#include "part.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#ifndef LIBJPEG_TURBO_VERSION
#error "this needs libjpeg-turbo, which can skip rows and columns"
#endif

#define COLUMNS 8 /* of pixels further out; chroma that is upsampled knows its next neighbours, two to four columns away */
#define LINES 16  /* that are read at once */

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

/* Lets rows begin and end at the columns that are needed. */
static void choose_columns(struct jpeg_decompress_struct *info, struct box part, struct rows *rows) {
    JDIMENSION around = info->max_h_samp_factor > 1 ? COLUMNS : 0, left = (JDIMENSION)part.left, right = left + (JDIMENSION)part.width;
    left = left > around ? left - around : 0;
    right = right + around < info->output_width ? right + around : info->output_width;
    JDIMENSION width = right - left;
    if (width < info->output_width) jpeg_crop_scanline(info, &left, &width); /* moves `left` to the edge of an MCU */
    rows->start = (int)left;
    rows->wide = (int)info->output_width;
}

static void read_rows(struct jpeg_decompress_struct *info, struct box part, struct rows *rows) {
    JDIMENSION above = info->max_v_samp_factor > 1 ? (JDIMENSION)info->max_v_samp_factor * DCTSIZE : 0;
    JDIMENSION top = (JDIMENSION)part.top, bottom = top + (JDIMENSION)part.height;
    size_t row = (size_t)rows->wide * 3;
    if (rows->size < row * (size_t)part.height) give_up((j_common_ptr)info);
    if (top > above) jpeg_skip_scanlines(info, top - above);
    JSAMPROW unseen = info->mem->alloc_large((j_common_ptr)info, JPOOL_IMAGE, row), lines[LINES];
    while (info->output_scanline < top) jpeg_read_scanlines(info, &unseen, 1);
    while (info->output_scanline < bottom) {
        JDIMENSION done = info->output_scanline - top, left = bottom - info->output_scanline, count = left < LINES ? left : LINES;
        for (JDIMENSION line = 0; line < count; line++) lines[line] = rows->first + (done + line) * row;
        jpeg_read_scanlines(info, lines, count);
    }
}

int part_decode(const uint8_t *data, size_t size, struct box part, int to_end, struct rows *rows) {
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
    if ((int64_t)part.left + part.width > info.output_width || (int64_t)part.top + part.height > info.output_height || is_made_up(&info))
        give_up((j_common_ptr)&info);
    choose_columns(&info, part, rows);
    read_rows(&info, part, rows);
    if (to_end && info.output_scanline == info.output_height) jpeg_finish_decompress(&info);
    jpeg_destroy_decompress(&info);
    return 1;
}
