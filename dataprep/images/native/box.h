/* A rectangle of an image. */

#ifndef DATAPREP_BOX_H
#define DATAPREP_BOX_H

struct box {
    int top, left, height, width; /* pixels */
};

#endif
