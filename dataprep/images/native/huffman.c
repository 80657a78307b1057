/* Makes the tables of Huffman codes. */

#include "huffman.h"

#include <string.h>

#define DC_MOST 11 /* bits of a value, of 8-bit samples */
#define AC_MOST 10
#define ALL_ZERO 0xF0 /* the symbol of 16 zeros */

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

static int steps_of(int symbol) { return symbol == 0 ? END : (symbol >> 4) + 1; }

/* What follows a symbol within so many bits, 0 where they are too few, by number of bits from `1 << bits` on. */
static void fill_seconds(const uint64_t *firsts, uint64_t *seconds) {
    for (int bits = 0; bits < WINDOW; bits++)
        for (int at = 0; at < 1 << bits; at++) {
            uint64_t first = firsts[at << (WINDOW - bits)];
            int taken = (int)(first & 63);
            int fits = taken > 0 && taken <= bits;
            seconds[(1 << bits) + at] = fits ? taken | (first >> 16 & 0xFF) << 16 | first >> 32 << 48 : 0;
        }
}

static inline uint64_t of_symbol(int taken, int steps, int value) {
    return (uint64_t)taken | (uint64_t)steps << 8 | (uint64_t)steps << 16 | (uint64_t)(uint16_t)value << 32;
}

/* Fills the entries of one symbol for each of its values, with what may follow it; returns where they end. */
static int fill_symbol(uint64_t *entries, int at, int length, int symbol, const uint64_t *seconds) {
    int size = symbol & 15, left = WINDOW - length - size;
    if (left < 0) {
        uint64_t entry = of_symbol(0, SLOW, length) | (uint64_t)symbol << 40;
        for (int stop = at + (ENTRIES >> length); at < stop; at++) entries[at] = entry;
        return at;
    }
    for (int value = 0; value < 1 << size; value++) {
        int signed_value = value < (1 << size >> 1) ? value - (1 << size) + 1 : value;
        uint64_t first = of_symbol(length + size, steps_of(symbol), size ? signed_value : 0);
        const uint64_t *follow = seconds + (1 << left);
        if (seconds == NULL || symbol == 0)
            for (int stop = at + (1 << left); at < stop; at++) entries[at] = first;
        else
            for (int behind = 0; behind < 1 << left; behind++) entries[at++] = first + follow[behind];
    }
    return at;
}

static void fill_symbols(const struct code *code, uint64_t *entries, const uint64_t *seconds) {
    int at = 0;
    for (int place = 0; place < code->count && code->lengths[place] <= WINDOW; place++)
        at = fill_symbol(entries, at, code->lengths[place], code->symbols[place], seconds);
    for (; at < ENTRIES; at++) entries[at] = of_symbol(0, SLOW, 0);
}

void ac_table_fill_values(struct ac_table *table) {
    uint64_t seconds[ENTRIES];
    fill_symbols(&table->code, table->values, NULL);
    fill_seconds(table->values, seconds);
    fill_symbols(&table->code, table->values, seconds);
}

/* Fills the entries of one symbol in a table of so many bits with all that follows; returns where they end. */
static int fill_skip(uint16_t *entries, int at, int bits, int length, int symbol, const uint16_t *pyramid) {
    int size = symbol & 15, left = bits - length - size, count = 1 << (bits - length);
    uint16_t first = (uint16_t)((length + size) | steps_of(symbol) << 8);
    if (left < 0 || size == 0) { /* nothing follows 16 zeros either, or the steps might not fit into a byte */
        for (int stop = at + count; at < stop; at++) entries[at] = left < 0 ? 0 : first;
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
    for (int bits = 0; bits <= WINDOW; bits++) {
        uint16_t *entries = bits == WINDOW ? table->skips : pyramid + ((size_t)1 << bits);
        int at = 0;
        for (int place = 0; place < code->count && code->lengths[place] <= bits; place++)
            at = fill_skip(entries, at, bits, code->lengths[place], code->symbols[place], pyramid);
        memset(entries + at, 0, (((size_t)1 << bits) - (size_t)at) * sizeof *entries);
    }
    for (int at = 0; at < ENTRIES; at++)
        if (table->skips[at] == 0) table->skips[at] = SLOW << 8;
}
