/* Plans what is read of a baseline JPEG and into which planes, has it read, and makes of them what is wanted. */

#include "strict.h"

#include <stdlib.h>
#include <string.h>

#include "colour.h"
#include "scan.h"

#define MOST_BYTES (1ull << 30) /* of all planes, so that places in them fit into 32 bits */
#define LEAST 2                 /* bits of a block */
#define KEPT 2                  /* rows of MCUs that are kept of a plane where it is only on the way to RGB */

/* The tables of the parts; those that parts share are the first one's. */
struct tables {
    struct dc_table dc[PARTS];
    struct ac_table ac[PARTS];
};

/* What is wanted, and all that decoding it needs. Scales are as in `strict_planes`; RGB is a box of the image at its scale. */
struct job {
    const uint8_t *data;
    size_t size;
    const struct head *head;
    int gray_scale, rgb_scale, plain, to_end;
    struct box box;
    struct pixels rgb;
    struct colour_planes colours;
    uint8_t *planes; /* memory of them */
    struct tables tables;
    struct scan scan;
};

/* Opens the tables of a part, unless a part before has the same. */
static int open_tables(struct job *job, int one) {
    const struct component *all = job->head->components;
    struct extent dcs = job->head->huffman[0][all[one].dc], acs = job->head->huffman[1][all[one].ac];
    int dc = 0, ac = 0; /* the first parts with these */
    while (all[dc].dc != all[one].dc) dc++;
    while (all[ac].ac != all[one].ac) ac++;
    job->scan.parts[one].dc = &job->tables.dc[dc];
    job->scan.parts[one].ac = &job->tables.ac[ac];
    if (dcs.stop == 0 || acs.stop == 0 || job->head->quantisations[all[one].quantisation].stop == 0) return 0;
    return (dc < one || dc_table_fill(&job->tables.dc[one], job->data + dcs.start)) &&
           (ac < one || ac_table_open(&job->tables.ac[one], job->data + acs.start));
}

/* Whether some MCUs are skipped. */
static int is_part(const struct scan *scan) {
    const struct seen *seen = &scan->seen;
    return seen->top > 0 || seen->left > 0 || seen->bottom < scan->rows || seen->right < scan->columns;
}

/* Fills the look-ups that the parts need, those that parts share once. */
static void fill_tables(struct scan *scan) {
    for (int one = 0; one < scan->count; one++) {
        int values = 0, skips = 0, is_first = 1;
        for (int other = 0; other < scan->count; other++) {
            if (scan->parts[other].ac != scan->parts[one].ac) continue;
            is_first &= other >= one;
            values |= scan->parts[other].needs_all;
            skips |= !scan->parts[other].needs_all || is_part(scan);
        }
        if (is_first && values) ac_table_fill_values(scan->parts[one].ac);
        if (is_first && skips) ac_table_fill_skips(scan->parts[one].ac);
    }
}

/* Splits the image into MCUs of blocks; returns whether its codes and their tables may be those of baseline JPEG. */
static int open_parts(struct job *job) {
    struct scan *scan = &job->scan;
    const struct head *head = job->head;
    int across = head->count == 1 ? 1 : head->components[0].across, down = head->count == 1 ? 1 : head->components[0].down;
    int16_t *blocks = scan->blocks[0];
    scan->count = head->count;
    scan->columns = (head->width + 8 * across - 1) / (8 * across);
    scan->rows = (head->height + 8 * down - 1) / (8 * down);
    scan->seen = (struct seen){0, 0, scan->rows, scan->columns};
    scan->interval = head->interval;
    for (int one = 0; one < head->count; one++) {
        struct part *part = &scan->parts[one];
        part->across = one ? 1 : across;
        part->down = one ? 1 : down;
        part->blocks = blocks;
        if (!open_tables(job, one)) return 0;
        for (int line = 0; line < part->down; line++, blocks += (ptrdiff_t)part->across * STRETCH * BLOCK)
            for (int column = 0; column < part->across; column++)
                scan->pieces[scan->piece_count++] = (struct piece){part, blocks + (ptrdiff_t)column * BLOCK};
    }
    return 1;
}

/* Lets the blocks of a part go to a plane as well, so many pixels of a side each; of the plane all rows are kept, or the last ones. */
static int add_target(struct job *job, int one, int size, int is_whole) {
    struct part *part = &job->scan.parts[one];
    struct target *target = &part->target[part->targets++];
    const struct head *head = job->head;
    struct extent factors = head->quantisations[head->components[one].quantisation];
    int across = 8 * job->scan.parts[0].across, down = 8 * job->scan.parts[0].down; /* pixels of an MCU */
    int rows = is_whole ? job->scan.rows : KEPT, blocks = (job->scan.seen.right - job->scan.seen.left) * part->across;
    target->size = size;
    target->into = transform_into(size, job->plain);
    target->plane.stride = (ptrdiff_t)(blocks + 1) / 2 * 2 * size; /* of an even number, as transforms want it */
    target->plane.lines = rows * part->down * size;
    target->plane.left = job->scan.seen.left * part->across * size;
    target->plane.height = (head->height * part->down * size + down - 1) / down;
    target->plane.width = (head->width * part->across * size + across - 1) / across;
    part->needs_all |= size > 1;
    return factors.stop - factors.start == BLOCK && quantisation_open(&target->quantisation, job->data + factors.start);
}

/* Adds the targets that RGB needs. Chroma that is half as large both ways is transformed into blocks of twice the side where these are
   no larger than 8, as libjpeg does it. */
static int add_colours(struct job *job) {
    struct scan *scan = &job->scan;
    int size = 8 / job->rgb_scale, across = scan->parts[0].across, down = scan->parts[0].down;
    int grown = across == 2 && down == 2 && size < 8 ? 2 * size : size;
    if (across > 2) return 0;
    if (job->gray_scale != job->rgb_scale && !add_target(job, 0, size, 0)) return 0;
    for (int one = 1; one < scan->count; one++)
        if (!add_target(job, one, grown, 0)) return 0;
    job->colours.count = scan->count;
    job->colours.sampling = (struct sampling){across * size / grown, down * size / grown, job->rgb_scale < 8, job->plain};
    return 1;
}

/* The bytes of a plane, with what fills up its last blocks. */
static uint64_t size_of(const struct target *target) { return (uint64_t)target->plane.stride * (uint64_t)target->plane.lines; }

/* Lends memory to the planes, and to RGB if nobody else does; returns whether there is enough. */
static int lend(struct job *job) {
    struct scan *scan = &job->scan;
    uint64_t own = job->rgb_scale && job->rgb.first == NULL ? (uint64_t)job->rgb.stride * (uint64_t)job->rgb.height : 0;
    uint64_t all = own + BEHIND + (job->rgb_scale ? colour_memory(job->box.width) : 0);
    for (int one = 0; one < scan->count; one++)
        for (int target = 0; target < scan->parts[one].targets; target++) all += size_of(&scan->parts[one].target[target]);
    uint8_t *memory = all > MOST_BYTES ? NULL : malloc((size_t)all);
    job->planes = memory;
    if (memory == NULL) return 0;
    if (job->rgb_scale) {
        job->colours.memory = memory;
        memory += colour_memory(job->box.width);
    }
    for (int one = 0; one < scan->count; one++)
        for (int target = 0; target < scan->parts[one].targets; target++) {
            scan->parts[one].target[target].plane.first = memory;
            memory += size_of(&scan->parts[one].target[target]);
        }
    if (own) job->rgb.first = memory + BEHIND;
    for (int one = 0; one < job->colours.count; one++)
        job->colours.planes[one] = scan->parts[one].target[scan->parts[one].targets - 1].plane;
    return 1;
}

/* Whether so many bytes can be the code of all blocks; if not, no memory is asked for. */
static int may_hold(const struct job *job) {
    uint64_t size = job->size - job->head->entropy, blocks = (uint64_t)job->scan.rows * (uint64_t)job->scan.columns;
    return 8 * size >= blocks * (uint64_t)job->scan.piece_count * LEAST;
}

/* The rows of RGB of which all is there when so many rows of MCUs are: chroma that is interpolated down wants its next row. */
static int ready(const struct job *job, int rows) {
    int side = 8 * job->scan.parts[0].down / job->rgb_scale, bottom = job->box.top + job->box.height;
    int all = rows == job->scan.rows ? bottom : rows * side - (job->colours.sampling.down > 1);
    return (all < bottom ? all : bottom) - job->box.top;
}

/* Reads rows of MCUs, and makes RGB of what is there of it. */
static int read_rows(struct job *job, int rows) {
    struct scan *scan = &job->scan;
    if (!scan_begin(scan, job->data + job->head->entropy, job->data + job->size, !job->plain)) return 0;
    for (int done = 0; scan->row < rows;) {
        if (!scan_read_row(scan)) return 0;
        int stop = job->rgb_scale ? ready(job, scan->row) : 0;
        if (stop <= done) continue;
        colour_fill(&job->colours, job->box.top, job->box.left, done, stop, job->rgb);
        done = stop;
    }
    return scan_is_sound(scan) && (!job->to_end || scan_is_at_end(scan));
}

/* The first MCU that pixels from a place on need, and the one behind the last: with the neighbours of chroma that is interpolated. */
static int first_needed(int start, int factor) {
    int place = start / factor - (factor > 1);
    return place < 0 ? 0 : place / 8;
}

static int last_needed(int stop, int factor, int all) {
    int mcus = ((stop - 1) / factor + (factor > 1)) / 8 + 1;
    return mcus < all ? mcus : all;
}

/* Chooses the MCUs that a box of RGB of full size needs. */
static void choose(struct job *job) {
    const struct part *part = job->scan.parts;
    struct seen *seen = &job->scan.seen;
    struct box box = job->box;
    seen->left = first_needed(box.left, part->across);
    seen->top = first_needed(box.top, part->down);
    seen->right = last_needed(box.left + box.width, part->across, seen->right);
    seen->bottom = last_needed(box.top + box.height, part->down, seen->bottom);
}

/* Returns how many rows of MCUs libjpeg reads for the box: where it looks at neighbours, it keeps back the last lines of each row. */
static int rows_read(const struct job *job) {
    int down = job->scan.parts[0].down, last = job->box.top + job->box.height - 1, rows = last / (8 * down) + 1;
    if (down > 1 && last % (8 * down) >= 7 * down && rows < job->scan.rows) rows++;
    return job->to_end ? job->scan.rows : rows;
}

static int is_mine(const struct head *head) {
    return head->usual && head->frame <= 0xC1 && head->scanned == head->count && head->bits == 0 && head->first_frequency == 0 &&
           head->last_frequency == BLOCK - 1;
}

static int is_scale(int scale) { return scale == 0 || scale == 1 || scale == 2 || scale == 4 || scale == 8; }

/* Decodes what is wanted; the memory of the planes is then the caller's to free. */
static int decode(struct job *job) {
    if (!open_parts(job)) return 0;
    if (job->rgb_scale == 1) choose(job);
    if (job->gray_scale && !add_target(job, 0, 8 / job->gray_scale, 1)) return 0;
    if (job->rgb_scale && !add_colours(job)) return 0;
    if (!may_hold(job) || !lend(job)) return 0;
    fill_tables(&job->scan);
    return read_rows(job, rows_read(job));
}

/* Returns a job with nothing in it but a file, NULL where it is not to be done. */
static struct job *job_of(const uint8_t *data, size_t size, const struct head *head) {
    struct job *job = is_mine(head) ? calloc(1, sizeof *job) : NULL;
    if (job == NULL) return NULL;
    job->data = data;
    job->size = size;
    job->head = head;
    return job;
}

int strict_decode(const uint8_t *data, size_t size, const struct head *head, struct strict_planes *planes) {
    planes->memory = NULL;
    if (!is_scale(planes->gray_scale) || !is_scale(planes->rgb_scale) || planes->gray_scale + planes->rgb_scale == 0) return 0;
    struct job *job = job_of(data, size, head);
    if (job == NULL) return 0;
    int scale = planes->rgb_scale ? planes->rgb_scale : 1;
    job->gray_scale = planes->gray_scale;
    job->rgb_scale = planes->rgb_scale;
    job->plain = planes->plain;
    job->to_end = 1;
    job->box = (struct box){0, 0, (head->height + scale - 1) / scale, (head->width + scale - 1) / scale};
    job->rgb = (struct pixels){NULL, 3 * (ptrdiff_t)job->box.width, job->box.height, job->box.width, 3};
    int done = decode(job);
    struct plane gray = job->scan.parts[0].target[0].plane;
    planes->gray = (struct pixels){gray.first, gray.stride, gray.height, gray.width, 1};
    planes->rgb = job->rgb;
    planes->memory = job->planes;
    free(job);
    if (!done) strict_free(planes);
    return done;
}

void strict_free(struct strict_planes *planes) {
    free(planes->memory);
    planes->memory = NULL;
}

int strict_is_quick(void) { return scan_is_wide(); }

int strict_part(const uint8_t *data, size_t size, const struct head *head, struct box box, int to_end, int plain, struct pixels rgb) {
    if (!inside(box.top, box.height, head->height) || !inside(box.left, box.width, head->width)) return 0;
    struct job *job = job_of(data, size, head);
    if (job == NULL) return 0;
    job->rgb_scale = 1;
    job->plain = plain;
    job->to_end = to_end;
    job->box = box;
    job->rgb = rgb;
    int done = decode(job);
    free(job->planes);
    free(job);
    return done;
}
