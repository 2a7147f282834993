/* SPDX-License-Identifier: MIT */
/* What the TEE has no means for and asks userspace for: here memory alone. One request at a time. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/tee.h>

#include "payload/linux/optee_like/tee.h"

#define PARAMS_MAX 4
#define MEMORIES_MAX 64
#define REQUEST_ALLOC 6
#define REQUEST_FREE 7

struct request {
	struct tee_iocl_supp_recv_arg arg;
	struct tee_ioctl_param params[PARAMS_MAX];
};
struct answer {
	struct tee_iocl_supp_send_arg arg;
	struct tee_ioctl_param params[PARAMS_MAX];
};

static int device;
static atomic_uint requests;
static struct {
	int id;
	int fd; /* 0: free; the memory goes back when it is closed */
} memories[MEMORIES_MAX];

static uint32_t allocate(struct tee_ioctl_param *param)
{
	struct tee_ioctl_shm_alloc_data data = { .size = param->b };

	for (unsigned i = 0; i < MEMORIES_MAX; i++) {
		if (memories[i].fd == 0) {
			int fd = ioctl(device, TEE_IOC_SHM_ALLOC, &data);

			if (fd < 0) {
				return TEE_BAD_PARAMETERS;
			}
			memories[i].fd = fd;
			memories[i].id = data.id;
			param->c = (uint32_t)data.id;
			return TEE_OK;
		}
	}
	return TEE_BAD_PARAMETERS;
}

static uint32_t release(const struct tee_ioctl_param *param)
{
	for (unsigned i = 0; i < MEMORIES_MAX; i++) {
		if (memories[i].fd != 0 && (uint64_t)memories[i].id == param->b) {
			close(memories[i].fd);
			memories[i].fd = 0;
			return TEE_OK;
		}
	}
	return TEE_BAD_PARAMETERS;
}

static uint32_t serve(struct request *request)
{
	if (request->arg.num_params != 1) {
		return TEE_BAD_PARAMETERS;
	}
	switch (request->arg.func) {
	case REQUEST_ALLOC:
		return allocate(&request->params[0]);
	case REQUEST_FREE:
		return release(&request->params[0]);
	default:
		return TEE_BAD_PARAMETERS;
	}
}

static void *run(void *unused)
{
	(void)unused;
	for (;;) {
		struct request request = { .arg = { .num_params = PARAMS_MAX } };
		struct answer answer = { 0 };
		struct tee_ioctl_buf_data in = { (uintptr_t)&request, sizeof(request) };
		struct tee_ioctl_buf_data out = { (uintptr_t)&answer, sizeof(answer) };

		if (ioctl(device, TEE_IOC_SUPPL_RECV, &in) != 0) {
			return NULL;
		}
		answer.arg.ret = serve(&request);
		answer.arg.num_params = request.arg.num_params;
		answer.params[0] = request.params[0];
		atomic_fetch_add(&requests, 1);
		if (ioctl(device, TEE_IOC_SUPPL_SEND, &out) != 0) {
			return NULL;
		}
	}
}

bool supplicant_start(void)
{
	pthread_t thread;

	device = open("/dev/teepriv0", O_RDWR | O_CLOEXEC);
	return device >= 0 && pthread_create(&thread, NULL, run, NULL) == 0;
}

unsigned supplicant_requests(void)
{
	return atomic_load(&requests);
}
