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

/* Takes the next piece of the entropy code, up to a marker, without what is stuffed into it; returns the marker, 0 for none. */
static int unstuff(struct scan *scan) {
    uint8_t *out = scan->code;
    for (;;) {
        const uint8_t *found = memchr(scan->at, 0xFF, (size_t)(scan->stop - scan->at));
        if (found == NULL || scan->stop - found < 2) return 0;
        size_t size = (size_t)(found - scan->at) + (found[1] == 0);
        memcpy(out, scan->at, size);
        out += size;
        scan->at = found + 2;
        if (found[1] != 0) {
            scan->end = out;
            memset(out, 0, scan->interval ? GAP : SPARE);
            return found[1];
        }
    }
}

/* Begins with the next piece of the entropy code, which the right marker has to end. */
static int begin(struct scan *scan, struct reader *reader) {
    int64_t done = (int64_t)scan->restarts * scan->interval, all = (int64_t)scan->rows * scan->columns;
    int is_last = scan->interval == 0 || all - done <= scan->interval;
    int marker = unstuff(scan);
    if (marker != (is_last ? EOI : RST0 + scan->restarts % 8)) return 0;
    scan->left = is_last ? (int)(all - done) : scan->interval;
    scan->restarts++;
    for (int part = 0; part < scan->count; part++) scan->parts[part].mean = 0;
    *reader = reader_at(scan->code);
    return 1;
}

/* Whether all of a piece was read, but for the bits that fill up its last byte. */
static INLINE int is_at_end(const struct scan *scan, const struct reader *reader) {
    ptrdiff_t left = 8 * (scan->end - reader->next) + reader->count;
    return left >= 0 && left < 8;
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

/* Reads a block and makes its pixels. */
static INLINE int read_block(struct scan *scan, struct reader *reader, const struct piece *piece) {
    struct part *part = piece->part;
    refill(reader);
    part->mean += read_difference(reader, part->dc, &scan->strange);
    scan->strange |= (unsigned)(part->mean + MOST_MEAN) >= 2 * MOST_MEAN && part->targets;
    if (!part->needs_all) {
        if (!skip_values(reader, part->ac)) return 0;
    } else if (!read_values(reader, part->ac, scan->block))
        return 0;
    scan->block[0] = (int16_t)part->mean;
    for (int one = 0; one < part->targets; one++) {
        struct target *target = &part->target[one];
        target->into(scan->block, &target->quantisation, target->plane.first + piece->at[one], target->plane.stride);
    }
    if (part->needs_all) memset(scan->block, 0, sizeof scan->block);
    return 1;
}

/* Lets each piece of an MCU go to the first MCU of a row. */
static void aim(struct scan *scan, int row) {
    for (int one = 0; one < scan->piece_count; one++) {
        struct piece *piece = &scan->pieces[one];
        for (int scale = 0; scale < piece->part->targets; scale++) {
            const struct target *target = &piece->part->target[scale];
            ptrdiff_t line = ((ptrdiff_t)row * piece->part->down + piece->row) * target->size;
            piece->at[scale] = line * target->plane.stride + piece->column * target->size;
        }
    }
}

static INLINE int read_mcu(struct scan *scan, struct reader *reader) {
    for (int one = 0; one < scan->piece_count; one++) {
        struct piece *piece = &scan->pieces[one];
        if (!read_block(scan, reader, piece)) return 0;
        for (int scale = 0; scale < piece->part->targets; scale++)
            piece->at[scale] += piece->part->target[scale].size * piece->part->across;
    }
    return 1;
}

static INLINE int read_scan(struct scan *scan) {
    struct reader reader, fresh;
    if (!begin(scan, &fresh)) return 0;
    reader = fresh;
    for (int row = 0; row < scan->rows; row++) {
        aim(scan, row);
        for (int column = 0; column < scan->columns; column++) {
            if (scan->left-- == 0) {
                if (!is_at_end(scan, &reader) || !begin(scan, &fresh)) return 0;
                reader = fresh;
                scan->left--;
            }
            if (!read_mcu(scan, &reader) || reader.next > scan->end + SPARE / 2) return 0;
        }
        if (scan->strange) return 0;
    }
    return is_at_end(scan, &reader);
}

static int read_plainly(struct scan *scan) { return read_scan(scan); }

#ifdef AVX2
static NEWER int read_newly(struct scan *scan) { return read_scan(scan); }
#endif

int scan_read(struct scan *scan, int is_wide) {
#ifdef AVX2
    if (is_wide && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2"))
        return read_newly(scan);
#endif
    (void)is_wide;
    return read_plainly(scan);
}
