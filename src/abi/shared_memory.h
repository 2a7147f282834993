/* SPDX-License-Identifier: MIT */
/*
 * The registers of a shared memory's device (docs/shared-memory.md): 32 bits each, little-endian, accessed as such.
 * Peers are numbered from 0; bit n of a bitmap stands for peer n.
 */
#ifndef ABI_SHARED_MEMORY_H
#define ABI_SHARED_MEMORY_H

#define SHARED_MEMORY_MAGIC 0x00    /* R */
#define SHARED_MEMORY_VERSION 0x04  /* R */
#define SHARED_MEMORY_SELF 0x08     /* R: our number */
#define SHARED_MEMORY_PEERS 0x0c    /* R: how many numbers there are */
#define SHARED_MEMORY_UP 0x10       /* R: bitmap of those that take part */
#define SHARED_MEMORY_CONTROL 0x14  /* R W */
#define SHARED_MEMORY_STATUS 0x18   /* R; W: bits written as 1 are cleared */
#define SHARED_MEMORY_ENABLE 0x1c   /* R W: which bits of STATUS interrupt */
#define SHARED_MEMORY_DOORBELL 0x20 /* W: the number of the peer that shall be interrupted */
#define SHARED_MEMORY_ACCESS 0x24   /* R */

#define SHARED_MEMORY_SIZE 0x1000 /* of the registers */

#define SHARED_MEMORY_MAGIC_VALUE 0x4d537654 /* "TvSM" */
#define SHARED_MEMORY_VERSION_VALUE 1

#define SHARED_MEMORY_CONTROL_UP 0x1   /* we take part: doorbells reach us */
#define SHARED_MEMORY_ACCESS_WRITE 0x1 /* the memory is ours to write */

/* STATUS and ENABLE: who rang, and whose bit in UP has changed. */
#define SHARED_MEMORY_RANG(peer) (1u << (peer))
#define SHARED_MEMORY_CHANGED(peer) (1u << (16 + (peer)))

#define SHARED_MEMORY_PEER_MAX 16

#endif
