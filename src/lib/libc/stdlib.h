/* SPDX-License-Identifier: MIT */
/* libfdt includes this name; what is built of it uses nothing from there. */
