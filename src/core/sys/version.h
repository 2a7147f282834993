/* SPDX-License-Identifier: MIT */
#ifndef CORE_SYS_VERSION_H
#define CORE_SYS_VERSION_H

#define TRIVET_VERSION "0.1"

#endif
