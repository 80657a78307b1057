/* Reads the entropy code of a scan.

   First the bytes that are stuffed into it are taken out, up to the next marker, so that the reader of bits need not look for
   them. Then each block is read, two coefficients at a look-up, and at once transformed into the planes that are wanted; blocks that
   nobody sees, and frequencies where a mean is all that is needed, are skipped, several symbols at a look-up. */

#include "scan.h"

#include <string.h>

#include "wide.h"

#if defined(__GNUC__)
#define INLINE inline __attribute__((always_inline))
#else
#define INLINE inline
#endif
#ifdef AVX2
#define NEWER __attribute__((target("avx2,bmi,bmi2")))
#endif

#define MOST_MEAN 2048 /* of quantised 8-bit samples: so far below zero, less by one above */
#define GAP 64         /* bytes behind a piece of the entropy code that are made zero where there are many pieces */
#define RST0 0xD0
#define EOI 0xD9

/* Copies bytes up to the first 0xFF and returns how many these are; behind them anything may be written, up to `size`. */
static size_t copy_plainly(uint8_t *out, const uint8_t *in, size_t size) {
    const uint8_t *found = memchr(in, 0xFF, size);
    if (found != NULL) size = (size_t)(found - in);
    memcpy(out, in, size);
    return size;
}

#ifdef AVX2
static NEWER size_t copy_newly(uint8_t *out, const uint8_t *in, size_t size) {
    const __m256i ones = _mm256_set1_epi8(-1);
    size_t done = 0;
    for (; done + 32 <= size; done += 32) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(in + done));
        unsigned found = (unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, ones));
        _mm256_storeu_si256((__m256i *)(void *)(out + done), bytes);
        if (found) return done + (size_t)__builtin_ctz(found);
    }
    return done + copy_plainly(out + done, in + done, size - done);
}
#endif

/* Makes more of the entropy code ready, without what is stuffed into it, from `out` on; returns whether it is right so far. */
static int unstuff(struct scan *scan, uint8_t *out) {
    const uint8_t *full = scan->code + BACK + READY;
    while (out < full && !scan->is_ended) {
        size_t there = (size_t)(scan->stop - scan->at), room = (size_t)(full - out), size = there < room ? there : room;
        size_t copied = scan->copy(out, scan->at, size);
        out += copied;
        scan->at += copied;
        if (copied == size && size == room) break;
        if (scan->stop - scan->at < 2) return 0;
        int next = scan->at[1];
        scan->at += 2;
        if (next == 0) *out++ = 0xFF;
        scan->is_ended = next != 0;
        if (scan->is_ended && next != scan->awaited) return 0;
    }
    scan->end = out;
    scan->most = scan->is_ended ? out + SPARE / 2 : out - SPARE / 2;
    if (scan->is_ended) memset(out, 0, GAP);
    return 1;
}

/* Makes more ready where a reader has come near its end; returns where it goes on, NULL where there is no more. */
static const uint8_t *top_up(struct scan *scan, const uint8_t *next) {
    const uint8_t *kept = next - BACK;
    if (scan->is_ended) return NULL;
    size_t size = (size_t)(scan->end - kept);
    memmove(scan->code, kept, size);
    return unstuff(scan, scan->code + size) ? scan->code + BACK : NULL;
}

/* Begins with the next piece of the entropy code, which the right marker has to end; returns where it is, NULL for nowhere. */
static const uint8_t *begin(struct scan *scan) {
    int64_t all = (int64_t)scan->rows * scan->columns, rest = all - scan->done;
    int is_last = scan->interval == 0 || rest <= scan->interval;
    scan->awaited = is_last ? EOI : RST0 + (int)(scan->done / (scan->interval ? scan->interval : 1) % 8);
    scan->left = is_last ? (int)rest : scan->interval;
    scan->done += scan->left;
    scan->is_ended = 0;
    for (int part = 0; part < scan->count; part++) scan->parts[part].mean = 0;
    return unstuff(scan, scan->code + BACK) ? scan->code + BACK : NULL;
}

/* Whether all of a piece was read, but for the bits that fill up its last byte. */
static INLINE int is_at_end(const struct scan *scan, const struct reader *reader) {
    ptrdiff_t left = 8 * (scan->end - reader->next) + reader->count;
    return scan->is_ended && left >= 0 && left < 8;
}

/* Reads what the mean differs by from the one before; at least 48 bits have to be there. */
static INLINE int read_difference(struct reader *reader, const struct dc_table *table, int *strange) {
    unsigned entry = table->entries[reader->bits >> (64 - WINDOW)];
    int length = (int)(entry >> 6 & 31), size = (int)(entry >> 11);
    if ((entry & 63) == 0) {
        size = take_symbol(reader, &table->code);
        if (size < 0) {
            *strange = 1;
            return 0;
        }
        length = 0;
        entry = (unsigned)size;
    }
    int difference = value_behind(reader->bits, length, 63 - size, (1 << size) - 1);
    take(reader, (int)(entry & 63));
    return difference;
}

/* Reads one symbol behind bits that are given back, and its value into the block, if any; returns the step that it leads to, more
   than the block has where that is at its end, -1 for "not mine". */
static int read_slowly(struct reader *reader, int taken, const struct code *code, int step, int16_t *block) {
    if (taken)
        give_back(reader, taken);
    else
        refill(reader);
    int symbol = take_symbol(reader, code);
    if (symbol < 0) return -1;
    if (symbol == 0) return END;
    int size = symbol & 15, value = value_behind(reader->bits, 0, 63 - size, (1 << size) - 1);
    step += (symbol >> 4) + 1;
    if (step >= BLOCK) return -1;
    if (block != NULL && size > 0) block[ROW_ORDER[step]] = (int16_t)value;
    take(reader, size);
    return step;
}

/* The same by a copy of the reader, of which the compiler need not keep the original in memory then. */
static INLINE int read_again(struct reader *reader, int taken, const struct code *code, int step, int16_t *block) {
    struct reader copy = *reader;
    step = read_slowly(&copy, taken, code, step, block);
    *reader = copy;
    return step;
}

/* Takes what one look-up tells of the frequencies, and returns its entry. */
static INLINE uint64_t take_values(struct reader *reader, const struct ac_table *table, int16_t *block, int *step) {
    uint64_t entry = table->values[reader->bits >> (64 - WINDOW)];
    int last = value_behind(reader->bits, (int)(entry >> 24), (int)(entry >> 32), (int)(entry >> 38 & 0x3FF));
    take(reader, (int)(entry & 63));
    block[ROW_ORDER[*step + (uint8_t)(entry >> 8)]] = (int16_t)(entry >> 48);
    *step += (uint8_t)(entry >> 16);
    block[ROW_ORDER[*step]] = (int16_t)last;
    return entry;
}

static INLINE unsigned take_skips(struct reader *reader, const struct ac_table *table, int *step) {
    unsigned entry = table->skips[reader->bits >> (64 - WINDOW)];
    take(reader, (int)(entry & 63));
    *step += (int)(entry >> 8);
    return entry;
}

/* Whether the steps that a look-up led to are the end of a block, with no symbol of the next one. */
static INLINE int is_end(int step, unsigned taken) {
    return step == BLOCK - 1 || (step >= END && step < END + BLOCK - 1 && taken > 0);
}

/* Reads the frequencies of a block behind its mean, which has left bits for one look-up; returns whether they are right. */
static INLINE int read_values(struct reader *reader, const struct ac_table *table, int16_t *block) {
    int step = 0;
    uint64_t entry = take_values(reader, table, block, &step);
    for (;;) {
        while (step < BLOCK - 1) {
            refill(reader);
            entry = take_values(reader, table, block, &step);
            if (step < BLOCK - 1) entry = take_values(reader, table, block, &step);
            if (step < BLOCK - 1) entry = take_values(reader, table, block, &step);
        }
        if (is_end(step, entry & 63)) return 1;
        /* of two symbols one may belong to the next block */
        step = read_again(reader, (int)(entry & 63), &table->code, step - (uint8_t)(entry >> 16), block);
        if (step < 0) return 0;
        if (step >= BLOCK - 1) return 1;
    }
}

/* Goes over the frequencies of a block; returns whether they are right. */
static INLINE int skip_values(struct reader *reader, const struct ac_table *table) {
    int step = 0;
    unsigned entry = take_skips(reader, table, &step);
    for (;;) {
        while (step < BLOCK - 1) {
            refill(reader);
            entry = take_skips(reader, table, &step);
            if (step < BLOCK - 1) entry = take_skips(reader, table, &step);
            if (step < BLOCK - 1) entry = take_skips(reader, table, &step);
        }
        if (is_end(step, entry & 63)) return 1;
        step = read_again(reader, (int)(entry & 63), &table->code, step - (int)(entry >> 8), NULL);
        if (step < 0) return 0;
        if (step >= BLOCK - 1) return 1;
    }
}

/* Reads a mean and adds it to the one before. */
static INLINE int read_mean(struct reader *reader, struct part *part) {
    int strange = 0;
    refill(reader);
    part->mean += read_difference(reader, part->dc, &strange);
    return !strange && (unsigned)(part->mean + MOST_MEAN) < 2 * MOST_MEAN;
}

static INLINE int read_block(struct reader *reader, struct part *part, int16_t *block) {
    if (!read_mean(reader, part)) return 0;
    int is_right = part->needs_all ? read_values(reader, part->ac, block) : skip_values(reader, part->ac);
    block[0] = (int16_t)part->mean; /* not before: what has no place comes to this one */
    return is_right;
}

static INLINE int skip_block(struct reader *reader, struct part *part) {
    return read_mean(reader, part) && skip_values(reader, part->ac);
}

/* Goes to the next MCU, maybe behind a marker; returns whether there is one. */
static INLINE int step(struct scan *scan, struct reader *reader) {
    if (scan->left-- == 0) {
        if (!is_at_end(scan, reader)) return 0;
        const uint8_t *start = begin(scan);
        if (start == NULL) return 0;
        *reader = reader_at(start);
        scan->left--;
    }
    if (reader->next > scan->most) {
        reader->next = top_up(scan, reader->next);
        if (reader->next == NULL) return 0;
    }
    return 1;
}

static INLINE int skip_mcus(struct scan *scan, struct reader *reader, int count) {
    for (; count > 0; count--) {
        if (!step(scan, reader)) return 0;
        for (int piece = 0; piece < scan->piece_count; piece++)
            if (!skip_block(reader, scan->pieces[piece].part)) return 0;
    }
    return 1;
}

static INLINE int read_mcus(struct scan *scan, struct reader *reader, int count) {
    for (int mcu = 0; mcu < count; mcu++) {
        if (!step(scan, reader)) return 0;
        for (int one = 0; one < scan->piece_count; one++) {
            const struct piece *piece = &scan->pieces[one];
            if (!read_block(reader, piece->part, piece->first + (ptrdiff_t)mcu * piece->part->across * BLOCK)) return 0;
        }
    }
    return 1;
}

/* Transforms a stretch, which begins at a column of MCUs, into the planes, and clears it for the next one. */
static void make_pixels(struct scan *scan, int column, int count) {
    for (int one = 0; one < scan->count; one++) {
        struct part *part = &scan->parts[one];
        int blocks = count * part->across;
        for (int line = 0; line < part->down; line++) {
            int16_t *first = part->blocks + (ptrdiff_t)line * part->across * STRETCH * BLOCK;
            for (int scale = 0; scale < part->targets; scale++) {
                struct target *target = &part->target[scale];
                struct plane *plane = &target->plane;
                ptrdiff_t y = ((ptrdiff_t)scan->row * part->down + line) * target->size % plane->lines;
                uint8_t *to = plane->first + y * plane->stride + (ptrdiff_t)column * part->across * target->size - plane->left;
                target->into(first, blocks, &target->quantisation, to, plane->stride);
            }
            if (part->needs_all) memset(first, 0, (size_t)blocks * BLOCK * sizeof *first);
        }
    }
}

static INLINE int read_row(struct scan *scan) {
    struct reader reader = scan->reader;
    int is_seen = scan->row >= scan->seen.top && scan->row < scan->seen.bottom;
    int column = is_seen ? scan->seen.left : scan->columns, right = is_seen ? scan->seen.right : scan->columns;
    if (!skip_mcus(scan, &reader, column)) return 0;
    while (column < right) {
        int count = right - column < STRETCH ? right - column : STRETCH;
        if (!read_mcus(scan, &reader, count)) return 0;
        make_pixels(scan, column, count);
        column += count;
    }
    if (!skip_mcus(scan, &reader, scan->columns - right)) return 0;
    scan->reader = reader;
    scan->row++;
    return 1;
}

static int read_plainly(struct scan *scan) { return read_row(scan); }

#ifdef AVX2
static NEWER int read_newly(struct scan *scan) { return read_row(scan); }
#endif

int scan_is_wide(void) {
#ifdef AVX2
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
#else
    return 0;
#endif
}

int scan_begin(struct scan *scan, const uint8_t *code, const uint8_t *stop, int is_wide) {
    scan->read_row = read_plainly;
    scan->copy = copy_plainly;
#ifdef AVX2
    if (is_wide && scan_is_wide()) {
        scan->read_row = read_newly;
        scan->copy = copy_newly;
    }
#endif
    (void)is_wide;
    scan->at = code;
    scan->stop = stop;
    const uint8_t *start = begin(scan);
    if (start != NULL) scan->reader = reader_at(start);
    return start != NULL;
}

int scan_read_row(struct scan *scan) { return scan->read_row(scan); }

int scan_is_sound(const struct scan *scan) {
    ptrdiff_t left = 8 * (scan->end - scan->reader.next) + scan->reader.count;
    if (scan->is_ended && left < 0) return 0;
    for (int one = 0; one < scan->count; one++)
        for (int scale = 0; scale < scan->parts[one].targets; scale++) {
            const struct target *target = &scan->parts[one].target[scale];
            if (has_faults(&target->quantisation, target->size)) return 0;
        }
    return 1;
}

int scan_is_at_end(const struct scan *scan) { return is_at_end(scan, &scan->reader); }
