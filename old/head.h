/* What a JPEG says before its pixels, found in one walk over its segments.

   It says the same as `head_of` and `_usual` in images/jpeg.py, which see to all that is odd: who is told "not mine" asks them.
   Extents are of the file, whose bytes have to stay where they are as long as the head is in use. */

#ifndef DATAPREP_HEAD_H
#define DATAPREP_HEAD_H

#include <stddef.h>
#include <stdint.h>

#define HEAD_COMPONENTS 4
#define HEAD_TABLES 4  /* of a kind, at one time */
#define HEAD_PIECES 64 /* of a colour profile: 4 MB, the most that is one */

struct extent {
    size_t start, stop; /* bytes */
};

struct component {
    int id, across, down, quantisation; /* sampling factors; number of its table, 0 to 3 */
    int dc, ac;                         /* numbers of its Huffman tables in the first scan, 0 to 3 */
};

/* As libjpeg takes them from the marks of JFIF and Adobe and the ids of the components. */
enum colours { COLOURS_GRAY, COLOURS_YCC, COLOURS_OTHER };

struct head {
    int frame;                    /* marker, 0xC0 for baseline, 0xC2 for progressive, ... */
    int precision, height, width; /* bits of a sample; pixels, not turned upright */
    int count;                    /* components of the frame */
    struct component components[HEAD_COMPONENTS];
    enum colours colours;
    int usual;          /* whether `_usual` takes it too: gray or YCbCr of common subsampling, 8 bits, Huffman-coded */
    int orientation;    /* as EXIF states it, 1 to 8 */
    struct extent exif; /* the first, from its tables on; empty where there is none */
    int pieces;         /* of its ICC profile, in order and without their numbers; 0 where it has none */
    struct extent profile[HEAD_PIECES];
    int interval;                              /* MCUs between restart markers, 0 for none */
    struct extent quantisations[HEAD_TABLES];  /* 64 values of a byte, or 128 bytes; empty where there is no such table */
    struct extent huffman[2][HEAD_TABLES];     /* DC and AC: 16 counts, then the symbols */
    int scanned;                               /* components of the first scan: the first of the frame, in its order */
    int first_frequency, last_frequency, bits; /* of the first scan; what it says of successive bits */
    size_t entropy;                            /* where the entropy-coded data of the first scan begin */
};

/* Reads the head of a JPEG; 0 is "not mine". */
int head_read(const uint8_t *data, size_t size, struct head *head);

/* Returns the number of scans up to the end of the file, or `most` + 1 where there are more. */
int head_scans(const uint8_t *data, size_t size, const struct head *head, int most);

#endif
