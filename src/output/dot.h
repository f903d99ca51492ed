/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The images that a table holds as a graph in the DOT language of Graphviz.
 */
#ifndef TSR_OUTPUT_DOT_H
#define TSR_OUTPUT_DOT_H

#include "output/tree.h"

/*
 * Appends one digraph: a node for each image, labelled "name:pid" (and with o->args its arguments),
 * dotted if another image replaced it, dashed if its process has ended, red where what is above it
 * is known to be wrong; an exec edge, bold, from the image that was replaced, or else a fork edge
 * from the one that forked. Edges end at nodes that are there, and whatever processes are called, it
 * is UTF-8 without control characters.
 */
void dot_write(struct buf *out, const struct table *t, const struct tree_options *o);

#endif
