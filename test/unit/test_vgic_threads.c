/* SPDX-License-Identifier: MIT */
/*
 * vCPUs on CPUs that really run at the same time: each is a thread with its own interface. Interrupts are tokens: the
 * next of a kind is sent when the one before was handled, so each must be handled exactly once, whatever else goes
 * on.
 */
#include "cmocka_main.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/mm/pool.h"
#include "core/port/vgic_port.h"
#include "core/vgic/vgic.h"
#include "core/vgic/vgic_priv.h"
#include "model_gich.h"

#define CPUS 3
#define SPI_FIRST 32
#define SPI_COUNT 12 /* the even ones are edges, the odd ones levels */
#define TOKENS 4000
#define TIME_LIMIT 60

struct vcpu {
	struct vgic_cpu vgic;
	unsigned index;
	uint32_t loaded; /* atomic */
	struct gich hw;
	uint64_t random;
	uint32_t sgi_sent[CPUS];    /* SGI number is the sender's index */
	uint32_t sgi_handled[CPUS]; /* atomic, by sender */
};

static struct vgic vgic;
static struct vcpu vcpus[CPUS];
static uint32_t spi_raised[SPI_COUNT];
static uint32_t spi_handled[SPI_COUNT]; /* atomic */
static uint32_t stop;

static _Thread_local struct vcpu *self;

void *pool_alloc_object(size_t size)
{
	return calloc(1, size);
}
void pool_free_object(void *object, size_t size)
{
	(void)size;
	free(object);
}

/* The thread looks at 'dirty' before each step of its guest. */
void vgic_port_kick(struct vcpu *target)
{
	(void)target;
}

bool vgic_port_loaded_elsewhere(const struct vcpu *target)
{
	return target != self && atomic_load_acquire(&target->loaded) != 0;
}

void vgic_port_wait(void)
{
	if (self->loaded != 0 && atomic_load(&self->vgic.dirty) != 0) {
		vgic_enter(&self->vgic);
	}
	sched_yield();
}

void vgic_port_set_physical_active(unsigned physical_intid, bool active)
{
	(void)physical_intid;
	(void)active;
	abort();
}

bool vgic_port_physical_line(unsigned physical_intid)
{
	(void)physical_intid;
	abort();
}

static unsigned pick(struct vcpu *v, unsigned bound)
{
	v->random ^= v->random << 13;
	v->random ^= v->random >> 7;
	v->random ^= v->random << 17;
	return (unsigned)(v->random * UINT64_C(0x2545f4914f6cdd1d) >> 40) % bound;
}

static void write_bit(struct vcpu *v, unsigned bank, unsigned intid)
{
	if (!vgic_dist_write(&v->vgic, bank + intid / 32 * 4, 4, 1u << intid % 32)) {
		abort();
	}
}

static uint32_t read_word(struct vcpu *v, unsigned bank, unsigned intid, unsigned of)
{
	uint64_t value;
	bool ok = intid < 32 ? vgic_redist_read(&v->vgic, of * KIB(128) + KIB(64) + bank, 4, &value)
			     : vgic_dist_read(&v->vgic, bank + intid / 32 * 4, 4, &value);

	if (!ok) {
		abort();
	}
	return (uint32_t)value;
}

static void handle(struct vcpu *v, unsigned intid)
{
	if (intid < CPUS) {
		if (atomic_add(&v->sgi_handled[intid], 1) + 1 > atomic_load(&vcpus[intid].sgi_sent[v->index])) {
			abort(); /* one too many */
		}
	} else {
		unsigned n = intid - SPI_FIRST;

		if (intid < SPI_FIRST || n >= SPI_COUNT || (read_word(v, 0x300, intid, 0) & 1u << intid % 32) == 0) {
			abort(); /* not active while it is handled */
		}
		if (n % 2 != 0) {
			vgic_set_spi(&vgic, intid, false);
		}
		if (atomic_add(&spi_handled[n], 1) + 1 > atomic_load(&spi_raised[n])) {
			abort();
		}
	}
}

static void send_sgis(struct vcpu *v)
{
	for (unsigned c = 0; c < CPUS; c++) {
		uint32_t sent = v->sgi_sent[c];

		if (sent < TOKENS && atomic_load(&vcpus[c].sgi_handled[v->index]) == sent) {
			atomic_store(&v->sgi_sent[c], sent + 1);
			vgic_sgi(&v->vgic, (uint64_t)v->index << 24 | 1u << c, true);
		}
	}
}

/* Things that change no token's fate. */
static void disturb(struct vcpu *v)
{
	unsigned intid = SPI_FIRST + pick(v, SPI_COUNT);

	switch (pick(v, 8)) {
	case 0:
		vgic_dist_write(&v->vgic, 0x6000 + 8ul * intid, 8, pick(v, CPUS));
		break;
	case 1:
		write_bit(v, 0x180, intid);
		write_bit(v, 0x100, intid);
		break;
	case 2:
		vgic_dist_write(&v->vgic, 0x400 + intid, 1, pick(v, 32) * 8);
		break;
	case 3:
		read_word(v, 0x200, intid, 0);
		break;
	case 4:
		read_word(v, pick(v, 2) != 0 ? 0x200 : 0x300, 0, pick(v, CPUS));
		break;
	case 5:
		vgic_redist_write(&v->vgic, pick(v, CPUS) * KIB(128) + KIB(64) + 0x400 + pick(v, CPUS), 1,
				  pick(v, 32) * 8);
		break;
	case 6:
		vgic_dist_write(&v->vgic, 0, 4, 1); /* no Group 1 for a moment */
		vgic_dist_write(&v->vgic, 0, 4, 3);
		break;
	default:
		/* Another vCPU's turn. */
		vgic_save(&v->vgic);
		atomic_store_release(&v->loaded, 0);
		vgic_has_pending(&v->vgic);
		sched_yield();
		atomic_store_release(&v->loaded, 1);
		vgic_load(&v->vgic);
		break;
	}
}

/* A CPU with its guest: acknowledges what comes, handles it, sometimes lets others in between. */
static void *run_vcpu(void *arg)
{
	struct vcpu *v = arg;
	unsigned running[40];
	unsigned count = 0;

	self = v;
	gich_start(&v->hw);
	atomic_store_release(&v->loaded, 1);
	vgic_load(&v->vgic);
	host_sysreg[HOST_SYSREG_ich_vmcr_el2] = VMCR_VENG1 | FIELD_PUT(VMCR_VPMR, 0xff);
	while (atomic_load(&stop) == 0 || count != 0) {
		if (atomic_load_acquire(&v->vgic.dirty) != 0) {
			vgic_enter(&v->vgic);
		}
		if (gich_misr() != 0) {
			vgic_maintenance(&v->vgic);
		}
		if (count < 32 && pick(v, 4) != 0) {
			unsigned intid = gich_ack(true);

			if (intid != GICH_SPURIOUS) {
				running[count++] = intid;
				handle(v, intid);
				continue;
			}
		}
		if (count != 0 && pick(v, 2) != 0) {
			gich_eoi(running[--count], true);
			continue;
		}
		send_sgis(v);
		if (pick(v, 8) == 0) {
			disturb(v);
		}
		if (gich_signalled() < 0) {
			sched_yield();
		}
	}
	vgic_save(&v->vgic);
	atomic_store_release(&v->loaded, 0);
	return NULL;
}

/* The device: raises an SPI again when the last time was handled. True if all tokens are through. */
static bool raise_spis(void)
{
	bool done = true;

	for (unsigned n = 0; n < SPI_COUNT; n++) {
		uint32_t raised = spi_raised[n];

		if (atomic_load(&spi_handled[n]) == raised && raised < TOKENS) {
			atomic_store(&spi_raised[n], raised + 1);
			vgic_set_spi(&vgic, SPI_FIRST + n, true);
			if (n % 2 == 0) {
				vgic_set_spi(&vgic, SPI_FIRST + n, false);
			}
		}
		done &= atomic_load(&spi_handled[n]) == TOKENS;
	}
	return done;
}

static bool sgis_done(void)
{
	for (unsigned i = 0; i < CPUS * CPUS; i++) {
		if (atomic_load(&vcpus[i / CPUS].sgi_handled[i % CPUS]) != TOKENS) {
			return false;
		}
	}
	return true;
}

static void show_what_is_missing(void)
{
	for (unsigned n = 0; n < SPI_COUNT; n++) {
		printf("SPI %u: %u raised, %u handled; owner %u, route %u\n", SPI_FIRST + n, spi_raised[n],
		       spi_handled[n], vgic.spis[n].owner, vgic.spis[n].route);
	}
	for (unsigned c = 0; c < CPUS; c++) {
		printf("vCPU %u: dirty %x, used %x, check %x, SGIs %u %u %u of %u %u %u\n", c, vcpus[c].vgic.dirty,
		       vcpus[c].vgic.lr_used, vcpus[c].vgic.check_words, vcpus[c].sgi_handled[0],
		       vcpus[c].sgi_handled[1], vcpus[c].sgi_handled[2], vcpus[0].sgi_sent[c], vcpus[1].sgi_sent[c],
		       vcpus[2].sgi_sent[c]);
	}
}

static void run_threads(unsigned lr_count, uint64_t seed)
{
	pthread_t threads[CPUS];
	time_t start = time(NULL);
	struct gich here;

	memset(vcpus, 0, sizeof(vcpus));
	memset(spi_raised, 0, sizeof(spi_raised));
	memset(spi_handled, 0, sizeof(spi_handled));
	stop = 0;
	gich_init(lr_count);
	gich_start(&here);
	self = NULL;
	assert_true(vgic_init(&vgic, CPUS, 32));
	for (unsigned i = 0; i < CPUS; i++) {
		vcpus[i].index = i;
		vcpus[i].random = seed + i;
		assert_true(vgic_cpu_init(&vgic, i, &vcpus[i].vgic, &vcpus[i], i));
	}
	/* As a guest that has set everything up. */
	vgic.ids[VGIC_ID_CTLR] |= 3;
	vgic.words[0].enabled = UINT32_MAX;
	vgic.words[0].edge = 0x55555555;
	for (unsigned i = 0; i < CPUS; i++) {
		vcpus[i].vgic.word.enabled = 0xffff;
		pthread_create(&threads[i], NULL, run_vcpu, &vcpus[i]);
	}
	while (!raise_spis() || !sgis_done()) {
		if (time(NULL) - start > TIME_LIMIT) {
			show_what_is_missing();
			abort();
		}
		sched_yield();
	}
	atomic_store(&stop, 1);
	for (unsigned i = 0; i < CPUS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(vcpus[i].vgic.lr_used, 0);
		assert_int_equal(vcpus[i].vgic.word.active, 0);
		assert_int_equal(vcpus[i].vgic.word.pending, 0);
	}
	assert_int_equal(vgic.words[0].active | vgic.words[0].pending | vgic.words[0].loaded, 0);
	vgic_destroy(&vgic);
}

static void vgic_threads_lose_nothing(void **state)
{
	static const unsigned lr_counts[] = { 4, 1, 2, 16 };
	const char *seed = getenv("SEED");
	uint64_t value = seed != NULL ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) << 8;

	(void)state;
	printf("vgic_threads: SEED=%llu\n", (unsigned long long)value);
	fflush(stdout);
	for (unsigned i = 0; i < ARRAY_SIZE(lr_counts); i++) {
		run_threads(lr_counts[i], value + 16 * i + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vgic_threads_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
