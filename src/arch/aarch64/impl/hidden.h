/* SPDX-License-Identifier: MIT */
/*
 * The Makefile includes this before every file of the image. -fvisibility=hidden covers definitions only; with this, an
 * extern variable is known to be in the image too and is reached directly, not through a global offset table.
 */
#pragma GCC visibility push(hidden)
