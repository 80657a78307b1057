/* Levels by arithmetic, where that gives the very values of a table: a look-up waits for memory, a multiplication does not. No
   Python, no state. */

#ifndef DATAPREP_LINE_H
#define DATAPREP_LINE_H

#include <stddef.h>
#include <stdint.h>

/* A line through 256 levels: level * slope + start, each of these in two floats, of which the first give an exact sum. */
struct line {
    float slope, start, slope_rest, start_rest;
};

/* Returns whether a line of about this slope and start goes through each of 256 levels to the last bit, as this machine finds it;
   there may be one that is not found. */
int line_through(const float *levels, double slope, double start, struct line *line);

/* Fills floats, past the caches if asked, with the levels of some values; line_through has found the line for these levels. */
void line_fill(const struct line *line, const float *levels, const uint8_t *values, int count, float *to, int past);

/* Fills the same from RGB pixels, sixteen by sixteen: `to` are the places of the first sixteen in each channel, aligned for registers,
   and those of the next lie `step` floats behind. The masks say what of three registers of pixels is each channel's. */
void line_place(const struct line lines[3], const uint8_t masks[3][3][16], const uint8_t *row, int count, ptrdiff_t step,
                float *const to[3], int past);

#endif
