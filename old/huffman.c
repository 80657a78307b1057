/* Makes the tables of Huffman codes. */

#include "huffman.h"

#include <string.h>

#define DC_MOST 11 /* bits of a value, of 8-bit samples */
#define AC_MOST 10
#define ALL_ZERO 0xF0 /* the symbol of 16 zeros */
#define NOT_TOLD ((uint64_t)SLOW << 8 | (uint64_t)SLOW << 16)

/* Returns whether 16 counts and their symbols make a code of which no word is all ones, as libjpeg wants it. */
static int open_code(struct code *code, const uint8_t *counts) {
    uint32_t next = 0; /* word of the length */
    int place = 0;
    memset(code, 0, sizeof *code);
    for (int length = 1; length <= LONGEST; length++, next <<= 1) {
        int count = counts[length - 1];
        if (place + count > 256 || (count && next + (uint32_t)count >= 1u << length)) return 0;
        code->offsets[length] = place - (int)next;
        memset(code->lengths + place, length, (size_t)count);
        place += count;
        next += (uint32_t)count;
        code->limits[length] = next << (LONGEST - length);
    }
    code->count = place;
    memcpy(code->symbols, counts + LONGEST, (size_t)place);
    return 1;
}

int dc_table_fill(struct dc_table *table, const uint8_t *counts) {
    int at = 0;
    if (!open_code(&table->code, counts)) return 0;
    for (int place = 0; place < table->code.count; place++) {
        int length = table->code.lengths[place], size = table->code.symbols[place];
        if (size > DC_MOST) return 0;
        if (length > WINDOW) continue;
        for (int stop = at + (ENTRIES >> length); at < stop; at++)
            table->entries[at] = (uint16_t)((length + size) | length << 6 | size << 11);
    }
    memset(table->entries + at, 0, (size_t)(ENTRIES - at) * sizeof *table->entries);
    return 1;
}

int ac_table_open(struct ac_table *table, const uint8_t *counts) {
    if (!open_code(&table->code, counts)) return 0;
    for (int place = 0; place < table->code.count; place++) {
        int symbol = table->code.symbols[place], size = symbol & 15;
        if (size > AC_MOST || (size == 0 && symbol != 0 && symbol != ALL_ZERO)) return 0;
    }
    return 1;
}

static uint64_t steps_of(int symbol) { return symbol == 0 ? END : (uint64_t)(symbol >> 4) + 1; }

/* A symbol as the last one of an entry, without what is before it. */
static uint64_t last_of(int length, int symbol) {
    uint64_t size = symbol & 15, ones = (1u << size) - 1;
    return ((uint64_t)length + size) | steps_of(symbol) << 16 | (uint64_t)length << 24 | (63 - size) << 32 | ones << 38;
}

/* What windows of fewer bits show of a symbol, 0 for nothing; by number of bits, from `1 << bits` on. */
static void fill_lasts(const struct code *code, uint64_t *lasts) {
    uint64_t *all = lasts + ENTRIES;
    int at = 0;
    for (int place = 0; place < code->count && code->lengths[place] <= WINDOW; place++) {
        uint64_t last = last_of(code->lengths[place], code->symbols[place]);
        for (int stop = at + (ENTRIES >> code->lengths[place]); at < stop; at++) all[at] = last;
    }
    for (; at < ENTRIES; at++) all[at] = 0;
    for (int bits = 0; bits < WINDOW; bits++)
        for (int one = 0; one < 1 << bits; one++) {
            uint64_t last = all[one << (WINDOW - bits)];
            int fits = (int)(last >> 24 & 63) <= bits && (int)(last & 63) <= TAKEN - WINDOW + bits;
            lasts[(1 << bits) + one] = fits ? last : 0;
        }
}

/* Fills the entries of one symbol for each of its values, with what may follow it; returns where they end. */
static int fill_symbol(uint64_t *entries, int at, int length, int symbol, const uint64_t *lasts) {
    int size = symbol & 15, taken = length + size, left = WINDOW - taken;
    uint64_t alone = taken <= TAKEN ? last_of(length, symbol) | steps_of(symbol) << 8 : NOT_TOLD;
    if (left <= 0 || symbol == 0) {
        for (int stop = at + (ENTRIES >> length); at < stop; at++) entries[at] = alone;
        return at;
    }
    for (int value = 0; value < 1 << size; value++) {
        int signed_value = size > 0 && value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
        uint64_t first = (uint64_t)taken | steps_of(symbol) << 8 | steps_of(symbol) << 16 | (uint64_t)taken << 24 |
                         (uint64_t)(uint16_t)signed_value << 48;
        for (const uint64_t *last = lasts + (1 << left), *stop = last + (1 << left); last < stop; last++)
            entries[at++] = *last ? first + *last : alone;
    }
    return at;
}

void ac_table_fill_values(struct ac_table *table) {
    const struct code *code = &table->code;
    uint64_t lasts[2 * ENTRIES];
    int at = 0;
    fill_lasts(code, lasts);
    for (int place = 0; place < code->count && code->lengths[place] <= WINDOW; place++)
        at = fill_symbol(table->values, at, code->lengths[place], code->symbols[place], lasts);
    for (; at < ENTRIES; at++) table->values[at] = NOT_TOLD;
}

/* Fills the entries of one symbol in a table of so many bits with all that follows; returns where they end. */
static int fill_skip(uint16_t *entries, int at, int bits, int length, int symbol, const uint16_t *pyramid) {
    int size = symbol & 15, taken = length + size, left = bits - taken;
    uint16_t first = (uint16_t)(taken <= TAKEN - WINDOW + bits ? (uint64_t)taken | steps_of(symbol) << 8 : 0);
    if (left <= 0 || size == 0) { /* nothing follows 16 zeros either, or the steps might not fit into a byte */
        for (int stop = at + (1 << (bits - length)); at < stop; at++) entries[at] = first;
        return at;
    }
    const uint16_t *follow = pyramid + ((size_t)1 << left);
    for (int value = 0; value < 1 << size; value++)
        for (int behind = 0; behind < 1 << left; behind++) entries[at++] = (uint16_t)(first + follow[behind]);
    return at;
}

void ac_table_fill_skips(struct ac_table *table) {
    const struct code *code = &table->code;
    uint16_t pyramid[ENTRIES]; /* tables of fewer bits, each from `1 << bits` on */
    for (int bits = 1; bits <= WINDOW; bits++) {
        uint16_t *entries = bits == WINDOW ? table->skips : pyramid + ((size_t)1 << bits);
        int at = 0;
        for (int place = 0; place < code->count && code->lengths[place] <= bits; place++)
            at = fill_skip(entries, at, bits, code->lengths[place], code->symbols[place], pyramid);
        memset(entries + at, 0, (((size_t)1 << bits) - (size_t)at) * sizeof *entries);
    }
    for (int at = 0; at < ENTRIES; at++)
        if (table->skips[at] == 0) table->skips[at] = SLOW << 8;
}
