/* SPDX-License-Identifier: MIT */
#include "role/hyp/dev/net_switch.h"

#include "arch/atomic.h"
#include "core/mm/pool.h"
#include "core/vcpu/cpu.h"
#include "lib/str.h"

#define ADDRESSES_MIN 256
#define PROBES 8 /* places where an address may stand; a switch has as many for each port */
#define GROUP_BIT 1 /* in the first byte of an address */
#define MAC_TO 0    /* offsets in a frame's header */
#define MAC_FROM NET_MAC_SIZE

#define count(sw, what) atomic_add(&(sw)->counters.what, 1)

/* ---- addresses; the lock is held ---- */

static unsigned hash(const struct net_switch *sw, const uint8_t *mac)
{
	unsigned h = (unsigned)mac[5] | (unsigned)mac[4] << 8 | (unsigned)mac[3] << 16;

	return (h * 0x9e3779b1u >> 16) & (sw->address_count - 1);
}

static struct net_address *place(const struct net_switch *sw, unsigned first, unsigned probe)
{
	return &sw->addresses[(first + probe) & (sw->address_count - 1)];
}

static bool is_current(const struct net_address *a, uint64_t now)
{
	return a->port != NULL && (a->fixed || now - a->seen < read_cntfrq_el0() * NET_SWITCH_AGE_S);
}

static struct net_address *find(const struct net_switch *sw, const uint8_t *mac)
{
	unsigned first = hash(sw, mac);

	for (unsigned i = 0; i < PROBES; i++) {
		struct net_address *a = place(sw, first, i);

		if (a->port != NULL && memcmp(a->mac, mac, NET_MAC_SIZE) == 0) {
			return a;
		}
	}
	return NULL;
}

/* The free place for an address, or that of the learned one which was heard of longest ago; NULL if all are fixed. */
static struct net_address *room(const struct net_switch *sw, const uint8_t *mac)
{
	struct net_address *best = NULL;
	unsigned first = hash(sw, mac);

	for (unsigned i = 0; i < PROBES; i++) {
		struct net_address *a = place(sw, first, i);

		if (a->port == NULL) {
			return a;
		}
		if (!a->fixed && (best == NULL || a->seen < best->seen)) {
			best = a;
		}
	}
	return best;
}

/* Takes note of where an address is. False if it is another port's own. */
static bool learn(struct net_switch *sw, struct net_switch_port *from, const uint8_t *mac, uint64_t now)
{
	struct net_address *a = find(sw, mac);

	if (a == NULL) {
		a = room(sw, mac);
		if (a == NULL) {
			return true;
		}
		memcpy(a->mac, mac, NET_MAC_SIZE);
		a->fixed = false;
		count(sw, learned);
	} else if (a->fixed) {
		return a->port == from;
	}
	a->port = from;
	a->seen = now;
	return true;
}

/* ---- waiting for a receiver; the lock is held ---- */

/* How much longer 'from' waits for 'to'. */
static uint64_t patience_left(const struct net_switch_port *from, const struct net_switch_port *to)
{
	return from->on->patience - from->waited[to->index];
}

static void start_patience(struct net_switch_port *from)
{
	struct cpu *cpu = this_cpu();

	from->patience_runs = true;
	timer_start(&cpu->timers, &from->patience, from->waits_since + patience_left(from, from->waits_for));
	cpu_program_timer(cpu);
}

static void start_waiting(struct net_switch_port *from, struct net_switch_port *to)
{
	atomic_store(&from->waits_for, to);
	from->waits_since = cpu_now();
	list_append(&to->waiters, &from->waiting_node);
	if (!from->patience_runs) {
		start_patience(from);
	}
}

static void stop_waiting(struct net_switch_port *from)
{
	struct net_switch_port *to = from->waits_for;

	if (to != NULL) {
		uint64_t waited = from->waited[to->index] + MIN(cpu_now() - from->waits_since, patience_left(from, to));

		atomic_store(&from->waited[to->index], waited);
		list_remove(&from->waiting_node);
		atomic_store(&from->waits_for, (struct net_switch_port *)NULL);
	}
}

/* All who wait for 'to' try again. */
static void wake_waiters(struct net_switch_port *to)
{
	while (!list_empty(&to->waiters)) {
		struct net_switch_port *from = list_entry(to->waiters.next, struct net_switch_port, waiting_node);

		stop_waiting(from);
		net_port_resume(from->port);
	}
}

/* The timer may be that of an earlier wait, or of one for another receiver. */
static void patience_fired(struct timer *timer)
{
	struct net_switch_port *from = container_of(timer, struct net_switch_port, patience);
	struct net_switch *sw = from->on;

	spin_lock(&sw->lock);
	from->patience_runs = false;
	if (from->waits_for != NULL) {
		if (cpu_now() - from->waits_since >= patience_left(from, from->waits_for)) {
			stop_waiting(from);
			net_port_resume(from->port);
		} else {
			start_patience(from);
		}
	}
	spin_unlock(&sw->lock);
}

static const struct timer_ops patience_ops = { .fired = patience_fired };

/* ---- frames ---- */

/* False if 'from' waits for that receiver no longer. */
static bool wait_for(struct net_switch_port *from, struct net_switch_port *to)
{
	struct net_switch *sw = from->on;
	bool waits;

	spin_lock(&sw->lock);
	waits = patience_left(from, to) != 0;
	if (waits && from->waits_for == NULL) {
		start_waiting(from, to);
	}
	spin_unlock(&sw->lock);
	return waits;
}

/* 'to' has taken a frame of 'from' that it may have kept waiting. */
static void took(struct net_switch_port *from, struct net_switch_port *to, uint32_t size)
{
	struct net_switch *sw = from->on;
	uint64_t worth = sw->patience / NET_SWITCH_FRAMES * (1 + size / NET_FRAME_MAX);

	spin_lock(&sw->lock);
	atomic_store(&from->waited[to->index], from->waited[to->index] - MIN(from->waited[to->index], worth));
	spin_unlock(&sw->lock);
}

static enum net_result forward(struct net_switch_port *from, struct net_switch_port *to, const struct net_frame *frame)
{
	enum net_result result = net_port_deliver(to->port, frame);

	if (result == NET_FULL) {
		if (!wait_for(from, to)) {
			net_port_count_drop(to->port);
			return NET_DROPPED;
		}
		/* Buffers that came, or a reset, before 'from' was among the waiters have woken nobody. */
		result = net_port_deliver(to->port, frame);
	}
	if (result != NET_FULL && unlikely(atomic_load(&from->waits_for) != NULL)) {
		spin_lock(&from->on->lock);
		stop_waiting(from);
		spin_unlock(&from->on->lock);
	}
	if (result == NET_TAKEN && unlikely(atomic_load(&from->waited[to->index]) != 0)) {
		took(from, to, frame->size);
	}
	return result;
}

/* To all other ports, from number 'first' on, which is not 0 if the turn of those before it was over. */
static enum net_result flood(struct net_switch_port *from, unsigned first, const struct net_frame *frame)
{
	struct net_switch *sw = from->on;
	struct net_frame copy = *frame;

	copy.progress = NULL; /* that is one receiver's */
	if (first == 0) {
		count(sw, flooded);
		from->flood_taken = false;
	}
	for (unsigned i = first; i < sw->port_count; i++) {
		struct net_switch_port *to = sw->ports[i];
		enum net_result one = to != from ? net_port_deliver(to->port, &copy) : NET_DROPPED;

		if (one == NET_TAKEN) {
			from->flood_taken = true;
		} else if (one == NET_FULL) {
			net_port_count_drop(to->port);
		}
		if (i + 1 < sw->port_count && cpu_now() >= frame->until) {
			from->flood_next = i + 1;
			return NET_UNFINISHED;
		}
	}
	return from->flood_taken ? NET_TAKEN : NET_DROPPED;
}

/* True if the frame was a DHCP message of a client: it goes to nobody else. */
static bool answer_dhcp(struct net_switch_port *from, const struct net_frame *frame)
{
	struct net_switch *sw = from->on;
	uint8_t question[NET_FRAME_MAX], answer[NET_DHCP_ANSWER_SIZE];
	struct net_frame back = { .header_size = NET_FRAME_MIN, .data = answer + NET_FRAME_MIN };

	memcpy(question, frame->header, NET_FRAME_MIN);
	net_frame_read(frame, NET_FRAME_MIN, question + NET_FRAME_MIN, frame->size - NET_FRAME_MIN);
	if (!net_dhcp_is_request(question, frame->size)) {
		return false;
	}
	back.size = net_dhcp_answer(&sw->dhcp, from->index, question, frame->size, answer);
	if (back.size != 0) {
		memcpy(back.header, answer, NET_FRAME_MIN);
		if (net_port_deliver(from->port, &back) == NET_TAKEN) {
			count(sw, dhcp);
		}
	}
	return true;
}

static enum net_result switch_send(struct net_port *port, const struct net_frame *frame)
{
	struct net_switch_port *from = port->network, *to = NULL;
	const uint8_t *mac_to = frame->header + MAC_TO, *mac_from = frame->header + MAC_FROM;
	bool group = (mac_to[0] & GROUP_BIT) != 0;
	unsigned flood_next = from->flood_next;
	struct net_switch *sw = from->on;
	uint64_t now = cpu_now();
	bool genuine;

	/* Only if the frame is again one for many does it go on. */
	from->flood_next = 0;
	spin_lock(&sw->lock);
	genuine = (mac_from[0] & GROUP_BIT) == 0 && learn(sw, from, mac_from, now);
	if (genuine && !group) {
		const struct net_address *a = find(sw, mac_to);

		to = a != NULL && is_current(a, now) ? a->port : NULL;
	}
	spin_unlock(&sw->lock);
	if (!genuine || to == from) {
		count(sw, dropped);
		return NET_DROPPED;
	}
	if (to != NULL) {
		enum net_result result = forward(from, to, frame);

		if (result == NET_TAKEN) {
			count(sw, forwarded);
		}
		return result;
	}
	if (group && sw->dhcp.enabled && !frame->partial_checksum && answer_dhcp(from, frame)) {
		return NET_TAKEN;
	}
	return flood(from, flood_next, frame);
}

bool net_switch_is_stuck(const struct net_switch_port *to)
{
	const struct net_switch *sw = to->on;

	for (unsigned i = 0; i < sw->port_count; i++) {
		if (atomic_load(&sw->ports[i]->waited[to->index]) >= sw->patience) {
			return true;
		}
	}
	return false;
}

static void switch_has_room(struct net_port *port)
{
	struct net_switch_port *to = port->network;

	spin_lock(&to->on->lock);
	wake_waiters(to);
	spin_unlock(&to->on->lock);
}

/*
 * Nobody waits for a port that is down, nor does it wait; what was learned behind it may come back elsewhere. How long
 * others have waited for it stays: it could reset itself to make them wait again.
 */
static void switch_down(struct net_port *port)
{
	struct net_switch_port *at = port->network;
	struct net_switch *sw = at->on;

	spin_lock(&sw->lock);
	for (unsigned i = 0; i < sw->address_count; i++) {
		struct net_address *a = &sw->addresses[i];

		if (a->port == at && !a->fixed) {
			*a = (struct net_address){ 0 };
		}
	}
	stop_waiting(at);
	at->flood_next = 0;
	wake_waiters(at);
	spin_unlock(&sw->lock);
}

static size_t port_size(const struct net_switch *sw)
{
	return sizeof(struct net_switch_port) + sw->port_max * sizeof(uint64_t);
}

/* Before any VM runs: nobody waits, and nothing was learned. The last place is filled from the end. */
static void switch_gone(struct net_port *port)
{
	struct net_switch_port *at = port->network;
	struct net_switch *sw = at->on;

	*find(sw, port->mac) = (struct net_address){ 0 };
	sw->ports[at->index] = sw->ports[--sw->port_count];
	sw->ports[at->index]->index = at->index;
	pool_free_object(at, port_size(sw));
}

static const struct net_port_ops switch_ops = {
	.send = switch_send,
	.has_room = switch_has_room,
	.down = switch_down,
	.gone = switch_gone,
};

/* ---- making one ---- */

struct net_switch *net_switch_create(const char *name, unsigned port_max)
{
	struct net_switch *sw = pool_alloc_object(sizeof(*sw));

	if (sw == NULL) {
		return NULL;
	}
	str_copy(sw->name, name, sizeof(sw->name));
	list_init(&sw->node);
	sw->port_max = port_max;
	sw->patience = read_cntfrq_el0() / 1000 * NET_SWITCH_PATIENCE_MS;
	sw->address_count = ADDRESSES_MIN;
	while (sw->address_count < PROBES * port_max) {
		sw->address_count *= 2;
	}
	sw->ports = pool_alloc_object(port_max * sizeof(*sw->ports));
	sw->addresses = pool_alloc_object(sw->address_count * sizeof(*sw->addresses));
	if (sw->ports == NULL || sw->addresses == NULL) {
		pool_free_object(sw->ports, port_max * sizeof(*sw->ports));
		pool_free_object(sw->addresses, sw->address_count * sizeof(*sw->addresses));
		pool_free_object(sw, sizeof(*sw));
		return NULL;
	}
	return sw;
}

enum err net_switch_plug(struct net_switch *sw, struct net_port *port, const char *name,
			 const struct net_switch_port **other)
{
	struct net_address *a = find(sw, port->mac);
	struct net_switch_port *at;

	if (a != NULL) {
		*other = a->port;
		return ERR_EXISTS;
	}
	/* Without room there are so many addresses that hash alike. */
	a = room(sw, port->mac);
	at = a != NULL && sw->port_count < sw->port_max ? pool_alloc_object(port_size(sw)) : NULL;
	if (at == NULL) {
		return ERR_NO_MEMORY;
	}
	str_copy(at->name, name, sizeof(at->name));
	at->on = sw;
	at->port = port;
	at->index = sw->port_count;
	list_init(&at->waiters);
	list_init(&at->waiting_node);
	timer_init(&at->patience, &patience_ops);
	memcpy(a->mac, port->mac, NET_MAC_SIZE);
	a->fixed = true;
	a->port = at;
	sw->ports[sw->port_count++] = at;
	port->ops = &switch_ops;
	port->network = at;
	return OK;
}
