/* Averages of areas, by whole weights and exact sums, so that every machine finds the same values. No Python, no state. */

#ifndef DATAPREP_AVERAGE_H
#define DATAPREP_AVERAGE_H

#include "resize.h"

/* Fills `out` with averages, rounded once, of what the taps see; returns whether the memory was enough for the sums of a row. */
int average(struct pixels seen, const struct taps *rows, const struct taps *columns, struct pixels out, void *memory, size_t size);

#endif
