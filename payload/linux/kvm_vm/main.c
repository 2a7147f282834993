/* SPDX-License-Identifier: MIT */
/*
 * kvm-vm [--normal] [--page] IMAGE DTB: runs an arm64 Image, a program of payload/vm, as a VM of KVM's with four
 * vCPUs until it turns itself off. What it writes to its UART goes to standard output. The VM is a protected one
 * where this kernel can make such, else a normal one, or with --normal; the first line says which. Exit code 0: it
 * turned itself off.
 *
 * --page: when it has turned itself off, its first pages are looked at, in which there is code that it ran. The address
 * of the first page in the machine's memory is told, and what is there for the host's userspace; after a line on
 * standard input, what is in the second one for the kernel, and in the first one when there is no VM any more. The
 * memory stays until another line comes.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CPUS 4
#define RAM_BASE 0x40000000ul
#define RAM_SIZE 0x4000000ul
#define DTB_OFFSET 0x3e00000ul
#define GICD_BASE 0x08000000ul
#define GICR_BASE 0x080a0000ul
#define UART_BASE 0x09000000ul
#define UART_SIZE 0x1000ul
#define UART_DR 0
#define PAGE_BYTES 4096
/* KVM_VM_TYPE_ARM_PROTECTED, which the headers here may not have. */
#define VM_TYPE_PROTECTED (1ul << 31)

static int kvm, vm;
static size_t run_size;
static bool normal_asked, page_asked;
static uint8_t *ram;

struct vcpu {
	int fd;
	struct kvm_run *run;
	pthread_t thread;
};
static struct vcpu vcpus[CPUS];

static _Noreturn void stop(const char *what, const char *why)
{
	fflush(stdout);
	fprintf(stderr, "kvm-vm: %s: %s\n", what, why);
	exit(1);
}

static _Noreturn void die(const char *what)
{
	stop(what, strerror(errno));
}

static int call(int fd, unsigned long request, const void *argument, const char *what)
{
	int result = ioctl(fd, request, argument);

	if (result < 0) {
		die(what);
	}
	return result;
}

/* ---- making the VM ---- */

/* True if it is a protected one. */
static bool make_vm(void)
{
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0) {
		die("/dev/kvm");
	}
	vm = normal_asked ? -1 : ioctl(kvm, KVM_CREATE_VM, VM_TYPE_PROTECTED);
	if (vm >= 0) {
		return true;
	}
	vm = ioctl(kvm, KVM_CREATE_VM, 0ul);
	if (vm < 0) {
		die("KVM_CREATE_VM");
	}
	return false;
}

static void load(size_t offset, size_t end, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = 1;

	if (fd < 0) {
		die(path);
	}
	while (offset < end && got > 0) {
		got = read(fd, ram + offset, end - offset);
		offset += got > 0 ? (size_t)got : 0;
	}
	if (got < 0) {
		die(path);
	} else if (got > 0) {
		stop(path, "too large");
	}
	close(fd);
}

/* With the two files in it. Shared: it is there when the process whose VM has it is not. */
static void make_memory(const char *image, const char *dtb)
{
	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ram == MAP_FAILED) {
		die("memory");
	}
	load(0, DTB_OFFSET, image);
	load(DTB_OFFSET, RAM_SIZE, dtb);
}

static void give_memory(void)
{
	struct kvm_userspace_memory_region region = {
		.guest_phys_addr = RAM_BASE,
		.memory_size = RAM_SIZE,
		.userspace_addr = (uint64_t)ram,
	};

	call(vm, KVM_SET_USER_MEMORY_REGION, &region, "KVM_SET_USER_MEMORY_REGION");
}

static void set_register(int fd, uint64_t offset, uint64_t value)
{
	struct kvm_one_reg reg = {
		.id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | offset / sizeof(uint32_t),
		.addr = (uint64_t)&value,
	};

	call(fd, KVM_SET_ONE_REG, &reg, "KVM_SET_ONE_REG");
}

static void make_vcpu(unsigned int index)
{
	struct vcpu *vcpu = &vcpus[index];
	struct kvm_vcpu_init init;

	call(vm, KVM_ARM_PREFERRED_TARGET, &init, "KVM_ARM_PREFERRED_TARGET");
	init.features[0] |= 1u << KVM_ARM_VCPU_PSCI_0_2 | (index != 0 ? 1u << KVM_ARM_VCPU_POWER_OFF : 0);
	vcpu->fd = ioctl(vm, KVM_CREATE_VCPU, (unsigned long)index);
	if (vcpu->fd < 0) {
		die("KVM_CREATE_VCPU");
	}
	call(vcpu->fd, KVM_ARM_VCPU_INIT, &init, "KVM_ARM_VCPU_INIT");
	vcpu->run = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		die("a vCPU's memory");
	}
	if (index == 0) {
		set_register(vcpu->fd, offsetof(struct kvm_regs, regs.pc), RAM_BASE);
		set_register(vcpu->fd, offsetof(struct kvm_regs, regs.regs[0]), RAM_BASE + DTB_OFFSET);
	}
}

static void set_gic(int gic, uint32_t group, uint64_t attribute, uint64_t address)
{
	struct kvm_device_attr attr = { .group = group, .attr = attribute, .addr = (uint64_t)&address };

	call(gic, KVM_SET_DEVICE_ATTR, &attr, "the GIC");
}

static void make_gic(void)
{
	struct kvm_create_device device = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };

	call(vm, KVM_CREATE_DEVICE, &device, "a GICv3");
	set_gic((int)device.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, GICD_BASE);
	set_gic((int)device.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, GICR_BASE);
	set_gic((int)device.fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, 0);
}

/* ---- its first pages ---- */

/* Where the first one is in the machine: the kernel tells root. */
static uint64_t physical(void)
{
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, &entry, sizeof(entry), (off_t)((uint64_t)ram / PAGE_BYTES * sizeof(entry))) < 0) {
		die("/proc/self/pagemap");
	}
	close(fd);
	return (entry & ((1ull << 55) - 1)) * PAGE_BYTES;
}

static const char *content(const volatile uint8_t *page)
{
	for (size_t i = 0; i < PAGE_BYTES; i++) {
		if (page[i] != 0) {
			return "what the VM had";
		}
	}
	return "zeroes";
}

static sigjmp_buf faulted;

static void fault(int signal)
{
	siglongjmp(faulted, signal);
}

static const char *content_for_us(void)
{
	struct sigaction action = { .sa_handler = fault };
	const char *found;

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	switch (sigsetjmp(faulted, 1)) {
	case 0:
		found = content(ram);
		break;
	case SIGSEGV:
		found = "SIGSEGV";
		break;
	default:
		found = "SIGBUS";
	}
	action.sa_handler = SIG_DFL;
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	return found;
}

/* It reads by addresses of its own. Another page, since a kernel may take it from the VM for that. */
static const char *content_for_kernel(void)
{
	static uint8_t copy[PAGE_BYTES];
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : pread(fd, copy, sizeof(copy), (off_t)(ram + PAGE_BYTES));

	if (fd < 0) {
		die("/proc/self/mem");
	}
	close(fd);
	return got == sizeof(copy) ? content(copy) : "nothing";
}

static void tell(const char *who, const char *found)
{
	printf("kvm-vm: %s: %s\n", who, found);
	fflush(stdout);
}

static void wait_for_line(void)
{
	char c = 0;

	while (c != '\n' && read(STDIN_FILENO, &c, 1) == 1) {
	}
}

/* While there is a VM. */
static void look_at_pages(void)
{
	printf("kvm-vm: page 0x%llx\n", (unsigned long long)physical());
	tell("userspace reads", content_for_us());
	wait_for_line();
	tell("the kernel reads", content_for_kernel());
}

/* ---- running it ---- */

/* The UART says that it has room, and nothing more. */
static void serve_mmio(struct kvm_run *run)
{
	uint64_t offset = run->mmio.phys_addr - UART_BASE;

	if (offset >= UART_SIZE) {
		fprintf(stderr, "kvm-vm: the guest uses address 0x%llx\n", (unsigned long long)run->mmio.phys_addr);
		stop("memory", "nothing is there");
	}
	if (!run->mmio.is_write) {
		memset(run->mmio.data, 0, sizeof(run->mmio.data));
	} else if (offset == UART_DR) {
		putchar(run->mmio.data[0]);
		if (run->mmio.data[0] == '\n') {
			fflush(stdout);
		}
	}
}

static void *run_vcpu(void *argument)
{
	struct vcpu *vcpu = argument;
	struct kvm_run *run = vcpu->run;

	for (;;) {
		if (ioctl(vcpu->fd, KVM_RUN, 0) < 0 && errno != EINTR) {
			die("KVM_RUN");
		}
		switch (run->exit_reason) {
		case KVM_EXIT_MMIO:
			serve_mmio(run);
			break;
		case KVM_EXIT_INTR:
			break;
		case KVM_EXIT_SYSTEM_EVENT:
			fflush(stdout);
			if (page_asked) {
				look_at_pages();
			}
			exit(run->system_event.type == KVM_SYSTEM_EVENT_SHUTDOWN ? 0 : 1);
		default:
			fprintf(stderr, "kvm-vm: exit %u of vCPU %td\n", run->exit_reason, vcpu - vcpus);
			stop("KVM_RUN", "an exit that it does not know");
		}
	}
}

/* Does not return. */
static _Noreturn void run_vm(void)
{
	printf("kvm-vm: a %s VM\n", make_vm() ? "protected" : "normal");
	fflush(stdout);
	give_memory();
	run_size = (size_t)call(kvm, KVM_GET_VCPU_MMAP_SIZE, NULL, "KVM_GET_VCPU_MMAP_SIZE");
	for (unsigned int i = 0; i < CPUS; i++) {
		make_vcpu(i);
	}
	make_gic();
	for (unsigned int i = 0; i < CPUS; i++) {
		if (pthread_create(&vcpus[i].thread, NULL, run_vcpu, &vcpus[i]) != 0) {
			stop("a vCPU", "there can be no thread for it");
		}
	}
	pthread_join(vcpus[0].thread, NULL);
	exit(1);
}

/* The VM is a process of its own: it ends with it, and the memory is still here. */
int main(int argc, char **argv)
{
	int status = 1;
	pid_t child;

	for (; argc > 3; argc--, argv++) {
		if (strcmp(argv[1], "--normal") == 0) {
			normal_asked = true;
		} else if (strcmp(argv[1], "--page") == 0) {
			page_asked = true;
		} else {
			break;
		}
	}
	if (argc != 3) {
		fprintf(stderr, "usage: kvm-vm [--normal] [--page] IMAGE DTB\n");
		return 2;
	}
	make_memory(argv[1], argv[2]);
	child = fork();
	if (child == 0) {
		run_vm();
	}
	if (child < 0 || waitpid(child, &status, 0) != child) {
		die("a process for the VM");
	}
	if (page_asked) {
		tell("without the VM", content(ram));
		wait_for_line();
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
