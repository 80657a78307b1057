/* From the bytes of a JPEG, or of pixels as they are, to its place in a batch: the part that is needed decoded, turned upright,
   resized, mirrored, looked up. No Python, no memory of its own but libjpeg's, no state. */

#ifndef DATAPREP_RENDER_H
#define DATAPREP_RENDER_H

#include "head.h"
#include "part.h"
#include "place.h"
#include "resize.h"

/* Which pixels come out: a box of the upright image, resized to `height` × `width`, and of the result a part. */
struct window {
    struct box box;
    int height, width;
    struct box part;
    enum filter filter;
    enum way way;
};

/* What becomes of an image. */
struct rendering {
    struct window window;
    int mirror;
    struct levels levels;
    struct canvas canvas;
};

enum rendered { RENDERED, NOT_MINE, NEEDS_MEMORY };

/* Whether the box lies in an image of a height and width, and the part in what the box becomes. */
int window_fits(const struct window *window, int height, int width);

/* Fills the canvas, of the size of the window's part, with an image whose head and window fit each other. What lies between is in
   `memory`, aligned for 32-bit integers and of `size` bytes, which becomes how many it needs where these are too few. */
enum rendered render(const uint8_t *data, size_t length, const struct head *head, const struct rendering *rendering, void *memory,
                     size_t *size);

/* The same of pixels that lie there as they are. */
enum rendered render_pixels(struct pixels image, const struct rendering *rendering, void *memory, size_t *size);

#endif
