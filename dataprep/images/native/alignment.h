/* How alike two small pictures are once the second is turned, scaled and moved onto the first. */

#ifndef DATAPREP_ALIGNMENT_H
#define DATAPREP_ALIGNMENT_H

enum { ALIGN_SIDE = 32, ALIGN_WEIGHTS = 4, ALIGN_TERMS = 6 };

/* Returns the correlation of the gradients of two pictures of ALIGN_SIDE² pixels, -1 where no motion is found. The weights smooth
   them: of a pixel and of those further and further away; motions are looked for from each start, ALIGN_TERMS numbers, until one is
   good enough. */
double align(const float *first, const float *second, const double *weights, const double *starts, int count, double enough);

#endif
