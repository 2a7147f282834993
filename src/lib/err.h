/* SPDX-License-Identifier: MIT */
/* What can go wrong inside; ABI codes are made from these only where an ABI is served. */
#ifndef LIB_ERR_H
#define LIB_ERR_H

enum err {
	OK = 0,
	ERR_INVALID,   /* an argument or input is not of its form */
	ERR_NO_MEMORY, /* the pool or a fixed table is exhausted */
	ERR_NOT_FOUND, /* no such object, node, file or mapping */
	ERR_EXISTS,    /* it is there already, or overlaps what is there */
	ERR_DENIED,    /* the object is in a state, or has an owner, that forbids it */
	ERR_RANGE,     /* an address or number lies outside what is possible here */
	ERR_UNSUPPORTED,
};

/* A word for a message: "out of memory". Never NULL. */
const char *err_name(enum err e);

#endif
