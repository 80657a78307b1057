/* The Huffman codes of baseline JPEG, as tables that take several symbols at one look-up, and a reader of their bits.

   The tables are made for each image, since nearly all have codes of their own: what stands behind a symbol within the window of
   a look-up is the same for each of its values, so most of a table is copied from smaller ones. */

#ifndef DATAPREP_HUFFMAN_H
#define DATAPREP_HUFFMAN_H

#include <stddef.h>
#include <stdint.h>

#ifndef WINDOW
#define WINDOW 11 /* bits of a look-up */
#endif
#define ENTRIES (1 << WINDOW)
#define TAKEN 18   /* bits that a look-up takes at most, three of them without a refill */
#define LONGEST 16 /* bits of a code */
#define END 128    /* steps that an end of block counts for, which lead beyond any block */
#define SLOW 192   /* steps of what a look-up does not tell, which do so too */

/* One kind of code, in the canonical order. */
struct code {
    int count; /* symbols */
    uint8_t symbols[256], lengths[256];
    uint32_t limits[LONGEST + 1]; /* by length: the first 16 bits that begin no code of this length or a shorter one */
    int offsets[LONGEST + 1];     /* by length: the place of a symbol, less the value of its code */
};

/* Of each entry the low 6 bits say how many bits are taken, 0 where one look-up is not enough.

   `dc` is by the code alone: bits of code and value, then of the code (from bit 6), then of the value (from bit 11).
   `values`, of two symbols or of one: steps to the first coefficient (from bit 8) and to the last (from bit 16); of the value of
   the last, which may lie beyond the window, the bits before it (from bit 24), 63 less its bits (from bit 32), and as many ones as it
   has bits (from bit 38); the value of the first (from bit 48).
   `skips`, of as many symbols as the window shows: steps (from bit 8). */
struct dc_table {
    struct code code;
    uint16_t entries[ENTRIES];
};
struct ac_table {
    struct code code;
    uint64_t values[ENTRIES];
    uint16_t skips[ENTRIES];
};

/* Entropy-coded bits, the next one highest. At least `count` of them are there. */
struct reader {
    uint64_t bits;
    int count;
    const uint8_t *next; /* behind which there are always 8 bytes to read */
};

/* Each returns whether the code, 16 counts and symbols, is one that baseline JPEG may have. */
int dc_table_fill(struct dc_table *table, const uint8_t *counts);
int ac_table_open(struct ac_table *table, const uint8_t *counts);

/* Fill the look-ups of a table that was opened. */
void ac_table_fill_values(struct ac_table *table);
void ac_table_fill_skips(struct ac_table *table);

static inline void refill(struct reader *reader) {
    const uint8_t *at = reader->next;
    uint64_t bits = (uint64_t)at[0] << 56 | (uint64_t)at[1] << 48 | (uint64_t)at[2] << 40 | (uint64_t)at[3] << 32 |
                    (uint64_t)at[4] << 24 | (uint64_t)at[5] << 16 | (uint64_t)at[6] << 8 | (uint64_t)at[7];
    reader->bits |= bits >> reader->count;
    reader->next += (63 - reader->count) >> 3;
    reader->count |= 56;
}

static inline void take(struct reader *reader, int count) {
    reader->bits <<= count;
    reader->count -= count;
}

/* Begins to read at a byte. */
static inline struct reader reader_at(const uint8_t *bytes) { return (struct reader){0, 0, bytes}; }

/* Goes back to bits that were taken. */
static inline void give_back(struct reader *reader, int count) {
    int ahead = reader->count + count;
    reader->next -= (ahead + 7) >> 3;
    reader->bits = 0;
    reader->count = 0;
    refill(reader);
    take(reader, (8 - (ahead & 7)) & 7);
}

/* The value of 63 - `spare` bits, which may be none, that follow so many others; `ones` is what so many ones are. */
static inline int value_behind(uint64_t bits, int before, int spare, int ones) {
    bits <<= before & 63;
    int is_positive = -(int)(bits >> 63);
    return (int)(bits >> 1 >> (spare & 63)) - (ones & ~is_positive);
}

/* Takes a code of any length and returns its symbol, -1 where there is none; at least 16 bits have to be there. */
static inline int take_symbol(struct reader *reader, const struct code *code) {
    uint32_t bits = (uint32_t)(reader->bits >> 48);
    for (int length = 1; length <= LONGEST; length++)
        if (bits < code->limits[length]) {
            take(reader, length);
            return code->symbols[code->offsets[length] + (int)(bits >> (LONGEST - length))];
        }
    return -1;
}

#endif
