/* SPDX-License-Identifier: MIT */
#include "payload/linux/optee_like/tee.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/tee.h>

#define PARAMS_MAX 2

/* The driver's calls with parameters take them behind their own structure. */
struct invoke {
	struct tee_ioctl_invoke_arg arg;
	struct tee_ioctl_param params[PARAMS_MAX];
};

static int buffer_call(int fd, unsigned long request, void *data, size_t size)
{
	struct tee_ioctl_buf_data buffer = { .buf_ptr = (uintptr_t)data, .buf_len = size };

	return ioctl(fd, request, &buffer);
}

int tee_device(void)
{
	return open("/dev/tee0", O_RDWR | O_CLOEXEC);
}

uint32_t tee_open_session(int fd, const uint8_t *uuid, uint32_t *session)
{
	struct tee_ioctl_open_session_arg arg = { .clnt_login = TEE_IOCTL_LOGIN_PUBLIC };

	memcpy(arg.uuid, uuid, sizeof(arg.uuid));
	if (buffer_call(fd, TEE_IOC_OPEN_SESSION, &arg, sizeof(arg)) != 0) {
		return TEE_NO_CALL;
	}
	*session = arg.session;
	return arg.ret;
}

bool tee_open(struct tee *tee)
{
	static const uint8_t uuid[] = SERVICE_UUID;
	uint32_t result;

	tee->fd = tee_device();
	if (tee->fd < 0) {
		perror("/dev/tee0");
		return false;
	}
	result = tee_open_session(tee->fd, uuid, &tee->session);
	if (result != TEE_OK) {
		fprintf(stderr, "no session: 0x%x\n", result);
		close(tee->fd);
		return false;
	}
	return true;
}

uint32_t tee_close_session(const struct tee *tee)
{
	struct tee_ioctl_close_session_arg arg = { .session = tee->session };

	return ioctl(tee->fd, TEE_IOC_CLOSE_SESSION, &arg) == 0 ? TEE_OK : TEE_NO_CALL;
}

void tee_close(struct tee *tee)
{
	tee_close_session(tee);
	close(tee->fd);
}

uint32_t tee_invoke(const struct tee *tee, uint32_t command, uint64_t *a, uint64_t *b, const struct tee_memory *memory)
{
	struct invoke call = {
		.arg = { .func = command, .session = tee->session, .num_params = PARAMS_MAX },
		.params = { { .attr = TEE_IOCTL_PARAM_ATTR_TYPE_VALUE_INOUT, .a = *a, .b = *b } },
	};

	if (memory != NULL) {
		call.params[1] = (struct tee_ioctl_param){
			.attr = TEE_IOCTL_PARAM_ATTR_TYPE_MEMREF_INOUT,
			.b = memory->size,
			.c = (uint32_t)memory->id,
		};
	}
	if (buffer_call(tee->fd, TEE_IOC_INVOKE, &call, sizeof(call)) != 0) {
		return TEE_NO_CALL;
	}
	*a = call.params[0].a;
	*b = call.params[0].b;
	return call.arg.ret;
}

uint64_t tee_ask(const struct tee *tee, uint32_t command, uint64_t a, uint64_t b)
{
	return tee_invoke(tee, command, &a, &b, NULL) == TEE_OK ? a : TEE_NO_ANSWER;
}

bool tee_memory_new(int fd, size_t size, struct tee_memory *memory)
{
	struct tee_ioctl_shm_alloc_data data = { .size = size };

	memory->fd = ioctl(fd, TEE_IOC_SHM_ALLOC, &data);
	if (memory->fd < 0) {
		return false;
	}
	memory->id = data.id;
	memory->size = size;
	memory->mapped = true;
	memory->data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd, 0);
	if (memory->data == MAP_FAILED) {
		close(memory->fd);
		return false;
	}
	return true;
}

bool tee_memory_register(int fd, void *data, size_t size, struct tee_memory *memory)
{
	struct tee_ioctl_shm_register_data arg = { .addr = (uintptr_t)data, .length = size };

	memory->fd = ioctl(fd, TEE_IOC_SHM_REGISTER, &arg);
	memory->id = arg.id;
	memory->data = data;
	memory->size = size;
	memory->mapped = false;
	return memory->fd >= 0;
}

void tee_memory_free(struct tee_memory *memory)
{
	if (memory->mapped) {
		munmap(memory->data, memory->size);
	}
	close(memory->fd);
}

void tee_fill(const struct tee_memory *memory, uint64_t seed)
{
	for (size_t at = 0; at < memory->size; at += SERVICE_STEP) {
		*(volatile uint64_t *)((char *)memory->data + at) = service_word(seed, at);
	}
}

uint64_t tee_wrong(const struct tee_memory *memory, uint64_t seed)
{
	uint64_t wrong = 0;

	for (size_t at = 0; at < memory->size; at += SERVICE_STEP) {
		wrong += *(volatile uint64_t *)((char *)memory->data + at) != service_word(seed, at);
	}
	return wrong;
}
