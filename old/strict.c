/* Plans what is read of a baseline JPEG and into which planes, has it read, and makes of them what is wanted. */

#include "strict.h"

#include <stdlib.h>

#include "colour.h"
#include "scan.h"

#define MOST_BYTES (1ull << 30) /* of all planes, so that places in them fit into 32 bits */
#define LEAST 2                 /* bits of a block */

/* The tables of the parts; those that parts share are the first one's. */
struct tables {
    struct dc_table dc[PARTS];
    struct ac_table ac[PARTS];
};

/* Opens the tables of a part, unless a part before has the same. */
static int open_tables(struct scan *scan, struct tables *tables, const uint8_t *data, const struct head *head, int one) {
    const struct component *all = head->components;
    struct extent dcs = head->huffman[0][all[one].dc], acs = head->huffman[1][all[one].ac];
    int dc = 0, ac = 0; /* the first parts with these */
    while (all[dc].dc != all[one].dc) dc++;
    while (all[ac].ac != all[one].ac) ac++;
    scan->parts[one].dc = &tables->dc[dc];
    scan->parts[one].ac = &tables->ac[ac];
    if (dcs.stop == 0 || acs.stop == 0 || head->quantisations[all[one].quantisation].stop == 0) return 0;
    return (dc < one || dc_table_fill(&tables->dc[one], data + dcs.start)) &&
           (ac < one || ac_table_open(&tables->ac[one], data + acs.start));
}

/* Fills the look-ups that the parts need, those that parts share once. */
static void fill_tables(struct scan *scan) {
    for (int one = 0; one < scan->count; one++) {
        const struct part *part = &scan->parts[one], *same = scan->parts;
        while (same->ac != part->ac || same->needs_all != part->needs_all) same++;
        if (same < part) continue;
        if (part->needs_all)
            ac_table_fill_values(part->ac);
        else
            ac_table_fill_skips(part->ac);
    }
}

/* Splits the image into MCUs of blocks; returns whether its codes and their tables may be those of baseline JPEG. */
static int open_parts(struct scan *scan, struct tables *tables, const uint8_t *data, const struct head *head) {
    int across = head->count == 1 ? 1 : head->components[0].across, down = head->count == 1 ? 1 : head->components[0].down;
    scan->count = head->count;
    scan->columns = (head->width + 8 * across - 1) / (8 * across);
    scan->rows = (head->height + 8 * down - 1) / (8 * down);
    scan->interval = head->interval;
    for (int one = 0; one < head->count; one++) {
        struct part *part = &scan->parts[one];
        part->across = one ? 1 : across;
        part->down = one ? 1 : down;
        if (!open_tables(scan, tables, data, head, one)) return 0;
        for (int block = 0; block < part->across * part->down; block++)
            scan->pieces[scan->piece_count++] = (struct piece){part, block / part->across, block % part->across, {0, 0}};
    }
    return 1;
}

/* Lets the blocks of a part go to a plane as well, so many pixels of a side each. The plane is told as high and wide as the image. */
static int add_target(struct scan *scan, const uint8_t *data, const struct head *head, int one, int size, int plain) {
    struct part *part = &scan->parts[one];
    struct target *target = &part->target[part->targets++];
    struct extent factors = head->quantisations[head->components[one].quantisation];
    int across = 8 * scan->parts[0].across, down = 8 * scan->parts[0].down; /* pixels of an MCU */
    target->size = size;
    target->into = transform_into(size, plain);
    target->plane.stride = (ptrdiff_t)scan->columns * part->across * size;
    target->plane.height = (head->height * part->down * size + down - 1) / down;
    target->plane.width = (head->width * part->across * size + across - 1) / across;
    target->plane.channels = 1;
    part->needs_all |= size > 1;
    return factors.stop - factors.start == BLOCK && quantisation_open(&target->quantisation, data + factors.start);
}

/* Adds the targets that RGB needs. Chroma that is half as large both ways is transformed into blocks of twice the side where these are
   no larger than 8, as libjpeg does it. */
static int add_colours(struct scan *scan, const uint8_t *data, const struct head *head, const struct strict_planes *planes) {
    int size = 8 / planes->rgb_scale, across = scan->parts[0].across, down = scan->parts[0].down;
    int grown = across == 2 && down == 2 && size < 8 ? 2 * size : size;
    if (across > 2) return 0;
    if (planes->gray_scale != planes->rgb_scale && !add_target(scan, data, head, 0, size, planes->plain)) return 0;
    for (int one = 1; one < scan->count; one++)
        if (!add_target(scan, data, head, one, grown, planes->plain)) return 0;
    return 1;
}

/* The bytes of a plane, with what fills up its last blocks. */
static uint64_t size_of(const struct scan *scan, int one, int number) {
    const struct part *part = &scan->parts[one];
    const struct target *target = &part->target[number];
    return (uint64_t)target->plane.stride * (uint64_t)(scan->rows * part->down * target->size);
}

/* Lends memory to the planes and the entropy code; returns whether there is enough. */
static int lend(struct scan *scan, const struct head *head, size_t size, struct strict_planes *planes) {
    uint64_t all = 0;
    int scale = planes->rgb_scale ? planes->rgb_scale : 1, height = (head->height + scale - 1) / scale;
    int width = (head->width + scale - 1) / scale;
    planes->rgb = (struct pixels){NULL, 3 * (ptrdiff_t)width, height, width, 3};
    for (int one = 0; one < scan->count; one++)
        for (int target = 0; target < scan->parts[one].targets; target++) all += size_of(scan, one, target);
    if (planes->rgb_scale) all += (uint64_t)planes->rgb.stride * (uint64_t)height;
    if (all > MOST_BYTES) return 0;
    uint8_t *memory = malloc((size_t)all);
    planes->memory = memory;
    size += SPARE - head->entropy;
    scan->code = head->interval ? calloc(1, size) : malloc(size); /* of many pieces what is behind each is not made zero again */
    if (memory == NULL || scan->code == NULL) return 0;
    for (int one = 0; one < scan->count; one++)
        for (int target = 0; target < scan->parts[one].targets; target++) {
            scan->parts[one].target[target].plane.first = memory;
            memory += size_of(scan, one, target);
        }
    planes->rgb.first = memory;
    return 1;
}

/* Whether so many bytes can be the code of all blocks; if not, no memory is asked for. */
static int may_hold(const struct scan *scan, size_t size) {
    return 8 * (uint64_t)size >= (uint64_t)scan->rows * (uint64_t)scan->columns * (uint64_t)scan->piece_count * LEAST;
}

/* Whether everything was within its range. */
static int is_sound(const struct scan *scan) {
    for (int one = 0; one < scan->count; one++)
        for (int scale = 0; scale < scan->parts[one].targets; scale++) {
            const struct target *target = &scan->parts[one].target[scale];
            if (has_faults(&target->quantisation, target->size)) return 0;
        }
    return 1;
}

/* Makes RGB of the planes, if that is wanted. */
static int finish(const struct scan *scan, struct strict_planes *planes) {
    const struct part *parts = scan->parts;
    if (planes->gray_scale) planes->gray = parts[0].target[0].plane;
    if (!planes->rgb_scale) return 1;
    const struct target *luminance = &parts[0].target[parts[0].targets - 1], *chroma = parts[1].target;
    if (scan->count == 1) {
        colour_repeat(luminance->plane, planes->rgb);
        return 1;
    }
    struct sampling sampling = {parts[0].across * luminance->size / chroma->size, parts[0].down * luminance->size / chroma->size,
                                planes->rgb_scale < 8, planes->plain};
    struct pixels both[2] = {chroma->plane, parts[2].target[0].plane};
    return colour_fill(luminance->plane, both, &sampling, planes->rgb);
}

static int decode(struct scan *scan, struct tables *tables, const uint8_t *data, size_t size, const struct head *head,
                  struct strict_planes *planes) {
    if (!open_parts(scan, tables, data, head)) return 0;
    if (planes->gray_scale && !add_target(scan, data, head, 0, 8 / planes->gray_scale, planes->plain)) return 0;
    if (planes->rgb_scale && !add_colours(scan, data, head, planes)) return 0;
    if (!may_hold(scan, size - head->entropy) || !lend(scan, head, size, planes)) return 0;
    fill_tables(scan);
    scan->at = data + head->entropy;
    scan->stop = data + size;
    return scan_read(scan, !planes->plain) && is_sound(scan) && finish(scan, planes);
}

static int is_scale(int scale) { return scale == 0 || scale == 1 || scale == 2 || scale == 4 || scale == 8; }

int strict_decode(const uint8_t *data, size_t size, const struct head *head, struct strict_planes *planes) {
    struct scan scan = {0};
    planes->memory = NULL;
    if (!head->usual || head->frame > 0xC1 || head->scanned != head->count || head->bits != 0) return 0;
    if (head->first_frequency != 0 || head->last_frequency != BLOCK - 1) return 0;
    if (!is_scale(planes->gray_scale) || !is_scale(planes->rgb_scale) || planes->gray_scale + planes->rgb_scale == 0) return 0;
    struct tables *tables = malloc(sizeof *tables);
    int done = tables != NULL && decode(&scan, tables, data, size, head, planes);
    free(scan.code);
    free(tables);
    if (!done) strict_free(planes);
    return done;
}

void strict_free(struct strict_planes *planes) {
    free(planes->memory);
    planes->memory = NULL;
}
