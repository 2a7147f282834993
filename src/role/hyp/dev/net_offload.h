/* SPDX-License-Identifier: MIT */
/*
 * What a sender leaves to its network device and a receiver's may have to do: cutting TCP over IPv4 or IPv6 into
 * segments, and checksums (VIRTIO 1.2, 5.1.6.2).
 */
#ifndef ROLE_HYP_DEV_NET_OFFLOAD_H
#define ROLE_HYP_DEV_NET_OFFLOAD_H

#include "role/hyp/dev/net_port.h"

/* The least data that a segment may have: the smallest that Linux sends. */
#define NET_GSO_SIZE_MIN 48

/*
 * How many bytes of headers a frame to be cut has, or 0 if it is not what gso_type says: one TCP segment in an IP
 * packet without fragments or extension headers, whose checksum is left to us, with data. 'headers' holds the first
 * min(frame->size, NET_HEADER_MAX) bytes. Each piece with its headers fits into NET_FRAME_MAX.
 */
uint32_t net_offload_check(const struct net_frame *frame, const uint8_t *headers);
/* How many segments it makes, at least one. The frame has been checked. */
uint32_t net_offload_segments(const struct net_frame *frame);
/* Writes segment 'index', a whole frame with its checksums; returns its size, at most NET_FRAME_MAX. */
uint32_t net_offload_segment(const struct net_frame *frame, uint32_t index, uint8_t *to);
/* Writes the whole frame, which is not to be cut, its checksum made. frame->size bytes. */
void net_offload_checksum(const struct net_frame *frame, uint8_t *to);

#endif
