/* SPDX-License-Identifier: MIT */
/* The virtio tests, and the disk that most of them use. */
#ifndef PAYLOAD_VIRTIO_TESTS_H
#define PAYLOAD_VIRTIO_TESTS_H

#include "payload/lib/report.h"
#include "payload/lib/timer.h"
#include "payload/lib/virtio.h"

#define SECTOR 512
#define BLK_T_IN 0
#define BLK_T_OUT 1
#define BLK_T_FLUSH 4
#define BLK_T_GET_ID 8
#define BLK_T_DISCARD 11
#define BLK_T_WRITE_ZEROES 13
#define BLK_S_OK 0
#define BLK_S_IOERR 1
#define BLK_S_UNSUPP 2
#define BLK_S_NONE 0xee /* what we put there before */

#define BLK_F_RO BIT(5)
#define BLK_F_FLUSH BIT(9)
#define BLK_F_DISCARD BIT(13)
#define BLK_F_WRITE_ZEROES BIT(14)
#define BLK_WANTED (BLK_F_FLUSH | BLK_F_DISCARD | BLK_F_WRITE_ZEROES | VIRTIO_F_INDIRECT_DESC)

struct blk_header {
	uint32_t type;
	uint32_t reserved;
	uint64_t sector;
};

/* One request at a time: its header, data and status. */
extern struct virtio disk;
extern struct virtq disk_queue;
extern struct blk_header disk_header;
extern uint8_t disk_data[8 * SECTOR];
extern volatile uint8_t disk_status;

/* Finds and starts the disk; skips the test and gives false if there is none. */
bool disk_open(uint64_t features);
/* One request with 'len' bytes of disk_data; gives the status byte, or BLK_S_NONE if nothing comes back. */
uint8_t disk_do(uint32_t type, uint64_t sector, uint32_t len);
/* In sectors. */
uint64_t disk_capacity(void);

void blk_read_write(void);
void blk_flush_and_id(void);
void blk_discard(void);
void blk_errors(void);
void blk_chained(void);
void blk_indirect(void);
void blk_event_idx(void);
void blk_interrupt(void);

void bad_chains(void);
void bad_direction(void);
void bad_addresses(void);
void bad_indirect(void);
void bad_requests(void);
void bad_ring(void);
void bad_queue_setup(void);
void bad_registers(void);

#endif
