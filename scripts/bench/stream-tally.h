#pragma once
#include <math.h>
#include <string.h>
#include "load.h"

/* What was seen: how often something was said, and how long things took. */
enum { LABELS = 32 };

struct tally {
  char label[48];
  unsigned count;
};

struct series {
  double *values;
  size_t size, most;
};

static struct tally tallies[LABELS];

static void count(const char *format, int number, const char *text, int size) {
  char label[48];
  snprintf(label, sizeof label, format, number, size, text);
  for (struct tally *one = tallies; one < tallies + LABELS; one++) {
    if (one->count > 0 && strcmp(one->label, label) != 0) continue;
    strcpy(one->label, label);
    one->count++;
    return;
  }
}

static void note(struct series *series, double value) {
  if (series->size == series->most) {
    series->most = series->most == 0 ? 65536 : series->most * 2;
    series->values = realloc(series->values, series->most * sizeof value);
    if (series->values == NULL) die("realloc");
  }
  series->values[series->size++] = value;
}

static int by_size(const void *a, const void *b) {
  double difference = *(const double *)a - *(const double *)b;
  return (difference > 0) - (difference < 0);
}

static void print_spread(const char *name, struct series *series) {
  static const double parts[] = {0.5, 0.99, 1};
  qsort(series->values, series->size, sizeof(double), by_size);
  printf("\"%s\":[", name);
  for (int i = 0; i < 3; i++) {
    size_t at = fmin(parts[i] * series->size, series->size - 1.0);
    printf(i == 0 ? "%.3f" : ",%.3f", series->size == 0 ? -1 : series->values[at] * 1e3);
  }
  printf("],");
}
