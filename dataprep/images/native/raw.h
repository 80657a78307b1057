/* The pixels of a portable pixmap, where they lie. No Python, no state. */

#ifndef DATAPREP_RAW_H
#define DATAPREP_RAW_H

#include <stddef.h>

#include "resize.h"

/* Returns whether a file is whole RGB of 8 bits behind a header without comments, and which image; it is not to be written to. */
int raw_open(const void *data, size_t size, struct pixels *pixels);

#endif
