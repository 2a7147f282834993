/* SPDX-License-Identifier: MIT */
/* The older client's parts. nwd_version is what it speaks. */
#ifndef PAYLOAD_NWD_OLDER_TESTS_H
#define PAYLOAD_NWD_OLDER_TESTS_H

#include "payload/nwd/lib/check.h"

/* Discovery, messages and notifications as Linux's driver uses them; descriptors; a hypervisor between an OS and us. */
void test_driver(void);
void test_descriptors(void);
void test_hypervisor(void);

/* Enough for three fragments. */
#define PAGES_MAX 600

/* A share or lend of every second page of nwd_pages, so that each is a range: 'pages' at most PAGES_MAX. */
struct ffa_transaction scattered(uint32_t id, uint16_t sender, uint32_t pages);
/* The hypervisor's retrieve request, all fragments: fails the test unless it says what the transaction says. */
void inspect(const struct ffa_transaction *transaction, uint64_t handle);

#endif
