/* One image of a batch, from its bytes to its values. See render.h; the same in Python is `_paint` in backends/cpu/render.py. */

#include "render.h"

#include "strict.h"
#include "turn.h"

#define MAX_SCANS 100 /* these four are those of images/jpeg.py, with their reasons */
#define FEW_SCANS 20
#define MAX_PASSES 1000000000
#define ENTROPY 0.7
#define WORTH 0.9
#define ALIGNED 32 /* bytes */

/* What of a file is a box of the upright image, of a height and width. */
static struct box in_file(struct box box, struct turn turn, int height, int width) {
    int top = turn.down ? height - box.top - box.height : box.top, left = turn.across ? width - box.left - box.width : box.left;
    return turn.transposed ? (struct box){left, top, box.width, box.height} : (struct box){top, left, box.height, box.width};
}

static int has_too_many_scans(const uint8_t *data, size_t size, const struct head *head) {
    int64_t most = MAX_SCANS, passes = MAX_PASSES / ((int64_t)head->height * head->width);
    if (head->frame == 0xC2) most = passes < FEW_SCANS ? FEW_SCANS : passes < MAX_SCANS ? passes : MAX_SCANS;
    return head_scans(data, size, head, (int)most) > most;
}

/* What is decoded of a file: a part where that is worth it, or all. */
static struct box worth_decoding(const struct head *head, struct box part) {
    double down = head->frame == 0xC2 ? 1.0 : (double)(part.top + part.height) / head->height;
    double area = (double)part.height * part.width / ((double)head->height * head->width);
    return ENTROPY * down + (1 - ENTROPY) * area > WORTH ? (struct box){0, 0, head->height, head->width} : part;
}

int window_fits(const struct window *window, int height, int width) {
    struct box box = window->box, part = window->part;
    return inside(box.top, box.height, height) && inside(box.left, box.width, width) && window->height <= MOST_PIXELS &&
           window->width <= MOST_PIXELS && inside(part.top, part.height, window->height) && inside(part.left, part.width, window->width);
}

/* Bytes that are lent. */
struct block {
    uint8_t *first;
    size_t size;
};

/* Memory that is given out block by block; more may be asked for than there is, to know how much is needed. */
struct store {
    struct block lent;
    size_t taken;
};

static struct block take(struct store *store, size_t size) {
    size_t at = store->taken;
    store->taken += (size + ALIGNED - 1) / ALIGNED * ALIGNED;
    return (struct block){store->taken <= store->lent.size ? store->lent.first + at : NULL, size};
}

static int is_enough(const struct store *store) { return store->taken <= store->lent.size; }

/* All that is decided before anything is decoded. */
struct plan {
    struct turn turn;
    struct taps rows, columns;
    struct box seen, filed, decoded; /* of the upright image; the same in the file; what is decoded of the file */
    int is_direct;                   /* whether pixels go straight into the canvas */
    struct block raw, upright, between, made;
};

/* Fills the taps of an axis into memory; returns whether there was enough of it. */
static int make_taps(struct axis axis, enum filter filter, struct store *store, struct taps *taps) {
    int count = taps_count(&axis, filter);
    struct block block = take(store, taps_size(axis.part.length, count) * sizeof(int32_t));
    return block.first != NULL && taps_fill(&axis, filter, count, (int32_t *)(void *)block.first, taps);
}

/* Whether the canvas is bytes that lie as pixels do, and are to stay as they are. */
static int takes_pixels(const struct rendering *rendering) {
    const struct canvas *canvas = &rendering->canvas;
    return canvas->size == 1 && canvas->strides[0] == 1 && canvas->strides[2] == 3 && !rendering->mirror &&
           changes_nothing(rendering->levels.table);
}

/* Finds the taps, what is seen, and memory for what comes of it; returns whether there was enough for the taps. */
static int find_seen(const struct rendering *rendering, struct store *store, struct plan *plan) {
    const struct window *window = &rendering->window;
    struct box box = window->box, part = window->part;
    int have_rows = make_taps((struct axis){box.height, window->height, {part.top, part.height}}, window->filter, store, &plan->rows);
    if (!make_taps((struct axis){box.width, window->width, {part.left, part.width}}, window->filter, store, &plan->columns) || !have_rows)
        return 0;
    struct span rows = plan->rows.seen, columns = plan->columns.seen;
    plan->seen = (struct box){box.top + rows.start, box.left + columns.start, rows.length, columns.length};
    plan->is_direct = takes_pixels(rendering);
    plan->between = take(store, 3 * (window->way == DOWN_FIRST ? (size_t)part.height * columns.length : (size_t)rows.length * part.width));
    plan->made = take(store, plan->is_direct ? 0 : 3 * (size_t)part.height * part.width);
    return 1;
}

/* Finds what of the file is decoded, and memory for it. */
static void find_decoded(const struct head *head, struct store *store, struct plan *plan) {
    int turned = plan->turn.transposed;
    plan->filed = in_file(plan->seen, plan->turn, turned ? head->width : head->height, turned ? head->height : head->width);
    plan->decoded = worth_decoding(head, plan->filed);
    size_t around = (size_t)plan->decoded.width + 2 * PART_AROUND, wide = around < (size_t)head->width ? around : (size_t)head->width;
    plan->raw = take(store, wide * plan->decoded.height * 3);
    plan->upright = take(store, head->orientation == 1 ? 0 : (size_t)plan->seen.height * plan->seen.width * 3);
}

/* Decodes what is seen of the image: by the strict decoder where that is the quicker one and takes the file, else by libjpeg. */
static int decode(const uint8_t *data, size_t length, const struct head *head, const struct plan *plan, struct pixels *pixels) {
    struct box seen = plan->filed, part = plan->decoded;
    int is_whole = part.height == head->height && part.width == head->width;
    *pixels = (struct pixels){plan->raw.first, 3 * (ptrdiff_t)seen.width, seen.height, seen.width, 3};
    if (strict_is_quick() && strict_part(data, length, head, seen, is_whole, 0, *pixels)) return 1;
    struct rows rows = {plan->raw.first, plan->raw.size, 0, 0};
    if (!part_decode(data, length, part, is_whole, &rows)) return 0;
    pixels->stride = 3 * (ptrdiff_t)rows.wide;
    pixels->first += (seen.top - part.top) * pixels->stride + 3 * (seen.left - rows.start);
    return 1;
}

static struct pixels turned(struct pixels pixels, const struct plan *plan) {
    struct pixels upright = {plan->upright.first, 3 * (ptrdiff_t)plan->seen.width, plan->seen.height, plan->seen.width, 3};
    turn_upright(pixels, plan->turn, upright);
    return upright;
}

/* Resizes an image that begins at a row and a column of the upright one, into the canvas in the end; returns whether it could. */
static int finish(struct pixels pixels, int top, int left, const struct rendering *rendering, const struct plan *plan) {
    const struct window *window = &rendering->window;
    struct pixels out = {plan->made.first, 3 * (ptrdiff_t)window->part.width, window->part.height, window->part.width, 3};
    if (plan->is_direct) {
        out.first = rendering->canvas.first;
        out.stride = rendering->canvas.strides[1];
    }
    if (resize(pixels, window->box.top - top, window->box.left - left, &plan->rows, &plan->columns, (int)window->way, out,
               plan->between.first, plan->between.size))
        return 0;
    if (!plan->is_direct) place(out, rendering->mirror, &rendering->levels, &rendering->canvas);
    return 1;
}

enum rendered render(const uint8_t *data, size_t length, const struct head *head, const struct rendering *rendering, void *memory,
                     size_t *size) {
    struct store store = {{memory, *size}, 0};
    struct plan plan = {.turn = turn_of(head->orientation)};
    struct pixels pixels;
    if (!head->usual || has_too_many_scans(data, length, head)) return NOT_MINE;
    if (find_seen(rendering, &store, &plan)) find_decoded(head, &store, &plan);
    *size = store.taken;
    if (!is_enough(&store)) return NEEDS_MEMORY;
    if (plan.raw.first == NULL || !decode(data, length, head, &plan, &pixels)) return NOT_MINE;
    if (head->orientation != 1) pixels = turned(pixels, &plan);
    return finish(pixels, plan.seen.top, plan.seen.left, rendering, &plan) ? RENDERED : NOT_MINE;
}

enum rendered render_pixels(struct pixels image, const struct rendering *rendering, void *memory, size_t *size) {
    struct store store = {{memory, *size}, 0};
    struct plan plan;
    int known = find_seen(rendering, &store, &plan);
    *size = store.taken;
    if (!is_enough(&store)) return NEEDS_MEMORY;
    return known && finish(image, 0, 0, rendering, &plan) ? RENDERED : NOT_MINE;
}
