/* Aligns one small picture with another by enhanced correlation, as dataprep/search/alignment.py does and to the same bits:
   64-bit numbers, in the same order. Rows are lanes of the processor; sums are kept by column, row after row, and halved at the end. */

#include "alignment.h"

#include <math.h>
#include <string.h>

#include "wide.h"

enum { SIDE = ALIGN_SIDE, TERMS = 6, PLANES = 9, PRODUCTS = 36, STEPS = 30 };

static const double LEAST_GAIN = 1e-4, DEGENERATE = 1e-10, FAR = 1e4, SMALLEST = 0.8, LARGEST = 1.25, LEAST_SEEN = 0.5;

typedef double plane[SIDE][SIDE];

/* The second picture, its slopes across and down, within a frame of zeros; what is warped in one go lies side by side. */
struct framed {
    double at[SIDE + 2][SIDE + 2][4];
};

/* Where a pixel is: the first of four neighbours, from 0 to SIDE, and how far it is to the next ones; and whether it is inside. */
struct place {
    int row[2], column[2];
    double down, across, inside;
};

static double clip(double value) { return !(value > -2) ? -2 : value > SIDE + 1 ? SIDE + 1 : value; }

static int tap(double place) { return place < 0 ? 0 : place > SIDE + 1 ? SIDE + 1 : (int)place; }

static struct place place_of(const double *motion, int x, int y) {
    double across = clip(motion[0] * x + motion[1] * y + motion[2]), down = clip(motion[3] * x + motion[4] * y + motion[5]);
    double column = floor(across), row = floor(down), nearest_x = floor(across + 0.5), nearest_y = floor(down + 0.5);
    struct place place = {{tap(row + 1), tap(row + 2)}, {tap(column + 1), tap(column + 2)}, down - row, across - column, 0};
    place.inside = nearest_x >= 0 && nearest_x < SIDE && nearest_y >= 0 && nearest_y < SIDE;
    return place;
}

/* Fills what is seen at a place: four values, each between those of four pixels. */
static inline void sample(const struct framed *framed, const struct place *place, double *restrict out) {
    const double *a = framed->at[place->row[0]][place->column[0]], *b = framed->at[place->row[0]][place->column[1]];
    const double *c = framed->at[place->row[1]][place->column[0]], *d = framed->at[place->row[1]][place->column[1]];
    for (int value = 0; value < 4; value++) {
        double above = a[value] + place->across * (b[value] - a[value]);
        double below = c[value] + place->across * (d[value] - c[value]);
        out[value] = above + place->down * (below - above);
    }
}

/* Returns the sum of what was summed up by column; the columns are used up. */
static double halve(double *columns) {
    for (int half = SIDE / 2; half > 0; half /= 2)
        for (int column = 0; column < half; column++) columns[column] += columns[column + half];
    return columns[0];
}

static void smooth_down(const plane from, const double *weights, plane to) {
    for (int y = 0; y < SIDE; y++) {
        double row[SIDE];
        for (int x = 0; x < SIDE; x++) row[x] = weights[0] * from[y][x];
        for (int away = 1; away < ALIGN_WEIGHTS; away++) {
            int above = y - away < 0 ? away - y : y - away, below = y + away >= SIDE ? 2 * SIDE - 2 - y - away : y + away;
            for (int x = 0; x < SIDE; x++) row[x] += weights[away] * (from[above][x] + from[below][x]);
        }
        for (int x = 0; x < SIDE; x++) to[x][y] = row[x]; /* on its side, so that twice is along both axes */
    }
}

static void smooth(const float *picture, const double *weights, plane out) {
    plane whole, half;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) whole[y][x] = picture[y * SIDE + x];
    smooth_down((const double(*)[SIDE])whole, weights, half);
    smooth_down((const double(*)[SIDE])half, weights, out);
}

static void frame(const plane picture, struct framed *framed) {
    memset(framed, 0, sizeof *framed);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            double *at = framed->at[y + 1][x + 1];
            at[0] = picture[y][x];
            at[1] = x > 0 && x < SIDE - 1 ? (picture[y][x + 1] - picture[y][x - 1]) * 0.5 : 0;
            at[2] = y > 0 && y < SIDE - 1 ? (picture[y + 1][x] - picture[y - 1][x]) * 0.5 : 0;
            at[3] = 1;
        }
}

/* The planes of a step: what each term of the motion changes, the second picture, the first, and the second where it is inside. */
struct step {
    plane planes[PLANES], inside;
    double sums[PRODUCTS];
};

/* Warps the second picture and its slopes to planes 6, 4 and 5. */
WIDE static void warp(const struct framed *second, const double *motion, struct step *step) {
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            struct place place = place_of(motion, x, y);
            double values[4];
            sample(second, &place, values);
            step->planes[6][y][x] = values[0];
            step->planes[4][y][x] = values[1];
            step->planes[5][y][x] = values[2];
            step->inside[y][x] = place.inside;
        }
}

/* Takes the mean of what is inside from both pictures, and makes the planes that remain. */
WIDE static void centre(const plane first, struct step *step) {
    double count[SIDE] = {0}, one[SIDE] = {0}, other[SIDE] = {0};
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            count[x] += step->inside[y][x];
            one[x] += step->inside[y][x] * first[y][x];
            other[x] += step->inside[y][x] * step->planes[6][y][x];
        }
    double pixels = halve(count), mean = halve(one) / pixels, second_mean = halve(other) / pixels;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            double across = step->planes[4][y][x], down = step->planes[5][y][x], inside = step->inside[y][x];
            double second = step->planes[6][y][x] - inside * second_mean;
            step->planes[0][y][x] = across * x;
            step->planes[1][y][x] = down * x;
            step->planes[2][y][x] = across * y;
            step->planes[3][y][x] = down * y;
            step->planes[6][y][x] = second;
            step->planes[7][y][x] = inside * (first[y][x] - mean);
            step->planes[8][y][x] = inside * second;
        }
}

WIDE static double sum_of(const plane one, const plane other) {
    double columns[SIDE] = {0};
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) columns[x] += one[y][x] * other[y][x];
    return halve(columns);
}

/* Sums up the products: of the terms, of terms and pictures, of the pictures. */
static void sum_up(struct step *step) {
    plane *planes = step->planes;
    double *sum = step->sums;
#define PRODUCT(one, other) *sum++ = sum_of((const double(*)[SIDE])planes[one], (const double(*)[SIDE])planes[other])
    for (int one = 0; one < TERMS; one++)
        for (int other = one; other < TERMS; other++) PRODUCT(one, other);
    for (int picture = 6; picture < 8; picture++)
        for (int term = 0; term < TERMS; term++) PRODUCT(term, picture);
    PRODUCT(7, 7);
    PRODUCT(6, 7);
    PRODUCT(8, 8);
#undef PRODUCT
}

/* Solves for how much of each term is in the second picture and in the first; zeros where that is not determined. */
static void solve(const double *sums, double solved[2][TERMS]) {
    double rows[TERMS][TERMS + 2], least[TERMS];
    memset(solved, 0, 2 * sizeof solved[0]);
    for (int row = 0; row < TERMS; row++)
        for (int column = row; column < TERMS; column++) rows[row][column] = rows[column][row] = *sums++;
    for (int row = 0; row < TERMS; row++) {
        rows[row][TERMS] = sums[row];
        rows[row][TERMS + 1] = sums[TERMS + row];
        least[row] = DEGENERATE * rows[row][row];
    }
    for (int pivot = 0; pivot < TERMS; pivot++) {
        double left = rows[pivot][pivot];
        if (!(left > least[pivot])) return;
        for (int column = 0; column < TERMS + 2; column++) rows[pivot][column] /= left;
        for (int row = 0; row < TERMS; row++) {
            double share = rows[row][pivot];
            if (row != pivot)
                for (int column = 0; column < TERMS + 2; column++) rows[row][column] -= share * rows[pivot][column];
        }
    }
    for (int row = 0; row < TERMS; row++) {
        solved[0][row] = rows[row][TERMS];
        solved[1][row] = rows[row][TERMS + 1];
    }
}

static double dot(const double *one, const double *other) {
    double sum = one[0] * other[0];
    for (int term = 1; term < TERMS; term++) sum += one[term] * other[term];
    return sum;
}

/* Betters a motion, two rows of three: where each pixel of the first picture is in the second; returns 0 where they do not correlate. */
static int better(const plane first, const struct framed *second, double *motion, struct step *step) {
    static const int order[TERMS] = {0, 2, 4, 1, 3, 5};
    double before = -LEAST_GAIN, now = -1, solved[2][TERMS];
    for (int count = 0; count < STEPS && fabs(now - before) >= LEAST_GAIN; count++) {
        warp(second, motion, step);
        centre(first, step);
        sum_up(step);
        const double *spreads = step->sums + 33;
        if (!(spreads[0] > 0 && spreads[2] > 0)) return 0;
        before = now;
        now = spreads[1] / sqrt(spreads[0] * spreads[2]);
        solve(step->sums, solved);
        double spare = spreads[1] - dot(step->sums + 27, solved[0]);
        if (!(spare > 0)) return 0;
        double gain = (spreads[2] - dot(step->sums + 21, solved[0])) / spare;
        for (int term = 0; term < TERMS; term++) {
            motion[term] += gain * solved[1][order[term]] - solved[0][order[term]];
            if (!(fabs(motion[term]) < FAR)) return 0;
        }
    }
    return 1;
}

/* Returns whether a motion scales no more than an edit does, along whichever direction. */
static int is_edit(const double *motion) {
    double sum = motion[0] + motion[4], skew = motion[3] - motion[1];
    double difference = motion[0] - motion[4], shear = motion[3] + motion[1];
    double alike = sqrt(sum * sum + skew * skew), unlike = sqrt(difference * difference + shear * shear);
    return 2 * SMALLEST < fabs(alike - unlike) && alike + unlike < 2 * LARGEST;
}

/* Marks the corners of gradients of which all that is around them was warped from inside; returns how many there are. */
static int mark_seen(const plane inside, plane seen) {
    int count = 0;
    unsigned char whole[SIDE - 1][SIDE - 1];
    for (int y = 0; y < SIDE - 1; y++)
        for (int x = 0; x < SIDE - 1; x++) whole[y][x] = inside[y][x] * inside[y + 1][x] * inside[y][x + 1] > 0.999;
    memset(seen, 0, sizeof(plane));
    for (int y = 1; y < SIDE - 2; y++)
        for (int x = 1; x < SIDE - 2; x++) {
            int all = 1;
            for (int row = y - 1; row <= y + 1; row++) all &= whole[row][x - 1] & whole[row][x] & whole[row][x + 1];
            seen[y][x] = all;
            count += all;
        }
    return count;
}

/* Returns the cosine of the angle between the gradients of two pictures, of those that are seen. */
static double cosine(const plane first, const plane moved, const plane seen) {
    double products[SIDE] = {0}, ones[SIDE] = {0}, others[SIDE] = {0};
    for (int y = 0; y < SIDE - 1; y++)
        for (int x = 0; x < SIDE - 1; x++) {
            double across = (first[y][x + 1] - first[y][x]) * seen[y][x], down = (first[y + 1][x] - first[y][x]) * seen[y][x];
            double across_moved = (moved[y][x + 1] - moved[y][x]) * seen[y][x], down_moved = (moved[y + 1][x] - moved[y][x]) * seen[y][x];
            products[x] += across * across_moved + down * down_moved;
            ones[x] += across * across + down * down;
            others[x] += across_moved * across_moved + down_moved * down_moved;
        }
    double product = halve(products), one = halve(ones), other = halve(others);
    if (one == 0 || other == 0) return one == other;
    double lengths = sqrt(one * other);
    return product / (lengths > 1e-9 ? lengths : 1e-9);
}

/* Returns the correlation of gradients from one estimate of the motion; -1 where there is none. */
static double align_from(const plane first, const struct framed *second, const double *start, struct step *step) {
    double motion[TERMS];
    plane moved, inside, seen;
    memcpy(motion, start, sizeof motion);
    if (!better(first, second, motion, step) || !is_edit(motion)) return -1;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            struct place place = place_of(motion, x, y);
            double values[4];
            sample(second, &place, values);
            moved[y][x] = values[0];
            inside[y][x] = values[3];
        }
    if (mark_seen((const double(*)[SIDE])inside, seen) < LEAST_SEEN * (SIDE - 1) * (SIDE - 1)) return -1;
    return cosine(first, (const double(*)[SIDE])moved, (const double(*)[SIDE])seen);
}

double align(const float *first, const float *second, const double *weights, const double *starts, int count, double enough) {
    plane one, other;
    struct framed framed;
    struct step step;
    double best = -1;
    smooth(first, weights, one);
    smooth(second, weights, other);
    frame((const double(*)[SIDE])other, &framed);
    for (int start = 0; start < count && best < enough; start++) {
        double found = align_from((const double(*)[SIDE])one, &framed, starts + TERMS * start, &step);
        if (found > best) best = found;
    }
    return best;
}
