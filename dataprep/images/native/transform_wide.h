/* What transform.c and its form for wide registers share. */

#ifndef DATAPREP_TRANSFORM_WIDE_H
#define DATAPREP_TRANSFORM_WIDE_H

#include "transform.h"

#define FRACTION 13
#define BETWEEN 2
#define MOST_BETWEEN 16384 /* what the first pass may give: so far below zero, less by one above */
#define MOST_PIXEL 512     /* the same of a pixel, before 128 is added; beyond, a table of libjpeg's repeats itself */

/* Returns the transform into so many pixels of a side for registers of 256 bits, NULL where there is none. */
transform *wide_transform_into(int size);

#endif
