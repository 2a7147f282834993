/* SPDX-License-Identifier: MIT */
/*
 * Drives payload/sp/optee_like through Linux's OP-TEE driver, from four CPUs at once.
 *
 *   optee_like-test            all tests, a report in TAP
 *   optee_like-test count N    prints counter N of the partition (enum service_count)
 *   optee_like-test busy N     N times some of it by callers that go wherever Linux has them; fails if any of it does
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/tee.h>

#include "payload/linux/lib/check.h"
#include "payload/linux/optee_like/tee.h"

#define CPUS 4
#define WORKERS_MAX 8
#define PAGE 4096
#define SHARE_ROUNDS 600
#define BUSY_ROUNDS 50
#define SCATTERED_PAGES 200

static struct tee tee;
static bool pinned = true; /* workers stay on CPUs of their own */
static unsigned share_rounds = SHARE_ROUNDS;

/* No comparison is to pass with a counter that was not read. */
static uint64_t count(enum service_count what)
{
	uint64_t value = tee_ask(&tee, SERVICE_COUNT, what, 0);

	if (value == TEE_NO_ANSWER) {
		printf("Bail out! counter %u cannot be read\n", (unsigned)what);
		exit(1);
	}
	return value;
}

/* ---- several at once ---- */

struct worker {
	pthread_t thread;
	unsigned (*work)(struct worker *worker);
	uint64_t result;
	struct tee tee;
	unsigned index;
	unsigned wrong;
};

static void *worker_run(void *pointer)
{
	struct worker *worker = pointer;

	worker->wrong = pinned && run_on(worker->index % CPUS) != 0;
	if (!tee_open(&worker->tee)) {
		worker->wrong++;
		return NULL;
	}
	worker->wrong += worker->work(worker);
	tee_close(&worker->tee);
	return NULL;
}

/* Each on a CPU of its own as far as there are any; returns what was wrong in all. 'result' is the sum of theirs. */
static unsigned at_once(unsigned workers, unsigned (*work)(struct worker *), uint64_t *result)
{
	struct worker all[WORKERS_MAX] = { 0 };
	unsigned wrong = 0;

	*result = 0;
	for (unsigned i = 0; i < workers; i++) {
		all[i].index = i;
		all[i].work = work;
		if (pthread_create(&all[i].thread, NULL, worker_run, &all[i]) != 0) {
			abort();
		}
	}
	for (unsigned i = 0; i < workers; i++) {
		pthread_join(all[i].thread, NULL);
		wrong += all[i].wrong;
		*result += all[i].result;
	}
	return wrong;
}

/* ---- the topics ---- */

static void test_driver(void)
{
	static const uint8_t other[16] = { 1, 2, 3 };
	struct tee_ioctl_version_data version = { 0 };
	uint64_t a = 40, b = 2;
	struct tee closed;
	uint32_t session;

	check_ok(ioctl(tee.fd, TEE_IOC_VERSION, &version), "the driver tells its version");
	check(version.impl_id == TEE_IMPL_ID_OPTEE && (version.gen_caps & TEE_GEN_CAP_REG_MEM) != 0,
	      "it is OP-TEE's, and takes a client's own memory");
	check(tee_open_session(tee.fd, other, &session) == TEE_ITEM_NOT_FOUND,
	      "a service that is not there is not found");
	check(tee_invoke(&tee, SERVICE_ADD, &a, &b, NULL) == TEE_OK && a == 42, "40 + 2 is 42");
	check(tee_invoke(&tee, 999, &a, &b, NULL) == TEE_BAD_PARAMETERS, "an unknown command is refused");
	if (check(tee_open(&closed), "a second session opens")) {
		check(tee_close_session(&closed) == TEE_OK && tee_invoke(&closed, SERVICE_ADD, &a, &b, NULL) != TEE_OK,
		      "no command reaches a session that was closed");
		close(closed.fd);
	}
}

/* 'left' is what must be 0 of the answer. 1, and says so, if that or the result is wrong. */
static unsigned judge(const char *what, uint32_t result, uint64_t left)
{
	if (result == TEE_OK && left == 0) {
		return 0;
	}
	note("%s: %s 0x%x, 0x%lx", what, result == TEE_NO_CALL ? strerror(errno) : "result", result,
	     (unsigned long)left);
	return 1;
}

/* They see each other's words in it. */
static unsigned exchange(const struct tee *client, const struct tee_memory *memory, uint64_t seed)
{
	uint64_t a = seed, b = 0;
	uint32_t result = tee_invoke(client, SERVICE_FILL, &a, &b, memory);
	unsigned wrong = judge("fill", result, a) + judge("words that are not seen", TEE_OK, tee_wrong(memory, seed));

	tee_fill(memory, ~seed);
	a = ~seed;
	result = tee_invoke(client, SERVICE_CHECK, &a, &b, memory);
	return wrong + judge("check", result, a);
}

static char *anonymous(size_t size)
{
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		abort();
	}
	return memory;
}

static void test_memory(void)
{
	size_t size = SCATTERED_PAGES * PAGE;
	char *own = anonymous(size), *between = anonymous(size);
	uint64_t ranges, a = 1, b = 0;
	struct tee_memory memory;

	if (check_ok(tee_memory_new(tee.fd, 3 * PAGE, &memory) ? 0 : -1, "the driver gives memory")) {
		check(exchange(&tee, &memory, 7) == 0, "both sides see what the other one wrote there");
		tee_memory_free(&memory);
	}
	/* By turns, so that pages that follow each other in memory are not those of one mapping. */
	for (size_t at = 0; at < size; at += PAGE) {
		own[at] = 1;
		between[at] = 1;
	}
	if (check_ok(tee_memory_register(tee.fd, own, size, &memory) ? 0 : -1,
		     "the driver takes 200 pages of our own")) {
		check(exchange(&tee, &memory, 8) == 0, "both sides see what the other one wrote there");
		memory.size += PAGE;
		check(tee_invoke(&tee, SERVICE_FILL, &a, &b, &memory) != TEE_OK, "not a page more");
		memory.size -= PAGE;
		tee_memory_free(&memory);
	}
	ranges = count(COUNT_RANGES);
	note("%lu ranges in one share", (unsigned long)ranges);
	check(ranges > 8 && ranges <= SCATTERED_PAGES, "they were shared in many ranges");
	munmap(own, size);
	munmap(between, size);
}

static unsigned share_often(struct worker *worker)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < share_rounds; i++) {
		struct tee_memory memory;

		if (!tee_memory_new(worker->tee.fd, (1 + i % 4) * PAGE, &memory)) {
			return wrong + judge("memory of the driver", TEE_NO_CALL, 0);
		}
		wrong += exchange(&worker->tee, &memory, i << 8 | worker->index);
		tee_memory_free(&memory);
		worker->result++;
	}
	return wrong;
}

static void test_shares(void)
{
	uint64_t retrieved = count(COUNT_RETRIEVED), relinquished = count(COUNT_RELINQUISHED), rounds;
	unsigned wrong = at_once(CPUS, share_often, &rounds);

	check(wrong == 0, "4 CPUs share memory for a moment, again and again, and all words are right");
	retrieved = count(COUNT_RETRIEVED) - retrieved;
	relinquished = count(COUNT_RELINQUISHED) - relinquished;
	note("%lu rounds, %lu retrieved, %lu relinquished", (unsigned long)rounds, (unsigned long)retrieved,
	     (unsigned long)relinquished);
	check(rounds == CPUS * SHARE_ROUNDS && relinquished >= rounds, "each of them was given back");
	check(retrieved >= relinquished && retrieved - relinquished <= WORKERS_MAX,
	      "no more is held than messages of the driver's own");
}

static unsigned borrow_often(struct worker *worker)
{
	unsigned wrong = 0;

	for (uint64_t i = 0; i < 40; i++) {
		uint64_t a = (1 + i % 9) * PAGE, b = i & 1; /* from the kernel, or from the supplicant */
		uint32_t result = tee_invoke(&worker->tee, SERVICE_BORROW, &a, &b, NULL);

		wrong += judge("borrow", result, a);
	}
	return wrong;
}

static void test_borrowed(void)
{
	uint64_t nothing;

	if (check(supplicant_start(), "a supplicant starts")) {
		check(at_once(CPUS, borrow_often, &nothing) == 0, "4 CPUs ask for memory themselves, and give it back");
		check(supplicant_requests() >= CPUS * 40, "half of it came from the supplicant");
	}
}

static unsigned sleep_often(struct worker *worker)
{
	unsigned wrong = 0;

	for (uint64_t i = 0; i < 10; i++) {
		uint64_t a = 4, b = i << 32 | worker->index;
		uint32_t result = tee_invoke(&worker->tee, SERVICE_SLEEP, &a, &b, NULL);

		wrong += judge("sleep", result, b);
	}
	return wrong;
}

static void test_sleep(void)
{
	uint64_t waited = count(COUNT_NO_THREAD), nothing;

	check(at_once(WORKERS_MAX, sleep_often, &nothing) == 0,
	      "8 callers give their CPU back and go on, with their FP registers");
	check(count(COUNT_NO_THREAD) > waited, "there are fewer threads than callers: some waited for one");
}

#define COMPUTE_FP_LOST (UINT64_C(1) << 32)

static unsigned compute_often(struct worker *worker)
{
	unsigned wrong = 0;

	for (uint64_t i = 0; i < 5; i++) {
		uint64_t a = 60000, b = i << 32 | worker->index;
		uint32_t result = tee_invoke(&worker->tee, SERVICE_COMPUTE, &a, &b, NULL);

		wrong += judge("compute", result, b & COMPUTE_FP_LOST);
		worker->result += a;
	}
	return wrong;
}

/* Sends the main thread, which computes, from CPU to CPU. */
static atomic_bool moving;
static void *mover(void *pointer)
{
	for (unsigned i = 0; atomic_load(&moving); i++) {
		cpu_set_t cpus;

		CPU_ZERO(&cpus);
		CPU_SET(i % CPUS, &cpus);
		pthread_setaffinity_np(*(pthread_t *)pointer, sizeof(cpus), &cpus);
		sleep_ms(20);
	}
	return NULL;
}

static void test_compute(void)
{
	pthread_t self = pthread_self(), thread;
	uint64_t interrupts, a = 600000, b = 5;
	uint32_t result;

	check(at_once(CPUS, compute_often, &interrupts) == 0, "4 CPUs compute there, with FP registers of their own");
	note("%lu times interrupted", (unsigned long)interrupts);
	check(interrupts >= CPUS * 5, "Linux had its interrupts meanwhile");
	atomic_store(&moving, true);
	if (pthread_create(&thread, NULL, mover, &self) != 0) {
		abort();
	}
	result = tee_invoke(&tee, SERVICE_COMPUTE, &a, &b, NULL);
	atomic_store(&moving, false);
	pthread_join(thread, NULL);
	note("interrupted %lu times, ran on CPUs 0x%lx", (unsigned long)a, (unsigned long)b);
	check(result == TEE_OK && (b & COMPUTE_FP_LOST) == 0, "a caller that changes its CPU gets its answer");
	check(__builtin_popcountll(b) > 1, "its thread went along");
	run_on(0);
}

/* Two and two: one waits for what the other sends, and then the other way. */
static unsigned ping_pong(struct worker *worker)
{
	uint64_t pair = worker->index / 2 * 2, own = 10 + pair + worker->index % 2,
		 other = 10 + pair + !(worker->index % 2);
	unsigned wrong = 0;

	for (unsigned i = 0; i < 25; i++) {
		if (worker->index % 2 == 0) {
			wrong += tee_ask(&worker->tee, SERVICE_SEND, other, 0) != 0;
			wrong += tee_ask(&worker->tee, SERVICE_WAIT, own, 20000) != 0;
		} else {
			wrong += tee_ask(&worker->tee, SERVICE_WAIT, own, 20000) != 0;
			wrong += tee_ask(&worker->tee, SERVICE_SEND, other, 0) != 0;
		}
	}
	return wrong;
}

static void test_notifications(void)
{
	uint64_t nothing, result;

	check(at_once(2, ping_pong, &nothing) == 0, "2 CPUs wait for each other there");
	/* As many as there are threads less one may wait at a time: the fourth caller can send. */
	result = tee_ask(&tee, SERVICE_WAIT, 30, 50);
	check(result != TEE_OK && result != TEE_NO_ANSWER, "waiting for what nobody sends ends in time");
}

static unsigned mixture(struct worker *worker)
{
	unsigned (*const works[])(struct worker *) = { sleep_often, borrow_often, compute_often };

	return works[worker->index % 3](worker);
}

static void test_mixture(void)
{
	uint64_t nothing;

	check(at_once(WORKERS_MAX, mixture, &nothing) == 0, "8 callers on 4 CPUs sleep, borrow and compute");
}

static void test_end(void)
{
	check(count(COUNT_FOREIGN) > 0 && count(COUNT_RPC) > 0, "threads were suspended by interrupts and by requests");
	note("%lu interrupts, %lu requests to Linux, %lu resumed", (unsigned long)count(COUNT_FOREIGN),
	     (unsigned long)count(COUNT_RPC), (unsigned long)count(COUNT_RESUMED));
	check(tee_ask(&tee, SERVICE_SUSPENDED, 0, 0) == 0, "each of them was resumed");
	check(count(COUNT_REFUSED) == 0, "the SPMC refused nothing");
}

static int busy(unsigned rounds)
{
	uint64_t nothing;
	unsigned wrong = !supplicant_start();

	pinned = false;
	share_rounds = BUSY_ROUNDS;
	while (rounds-- > 0) {
		wrong += at_once(WORKERS_MAX, mixture, &nothing);
		wrong += at_once(CPUS, share_often, &nothing);
	}
	printf("%u went wrong\n", wrong);
	return wrong == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (!tee_open(&tee)) {
		return 1;
	}
	if (argc == 3 && strcmp(argv[1], "count") == 0) {
		printf("%lu\n", (unsigned long)count((enum service_count)atoi(argv[2])));
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "busy") == 0) {
		return busy((unsigned)atoi(argv[2]));
	}
	run_on(0);
	test_driver();
	test_memory();
	test_shares();
	test_borrowed();
	test_sleep();
	test_compute();
	test_notifications();
	test_mixture();
	test_end();
	tee_close(&tee);
	return check_end();
}
