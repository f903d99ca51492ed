/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libtarsier: everything in one include.
 */
#ifndef TARSIER_TARSIER_H
#define TARSIER_TARSIER_H

#include <tarsier/agent.h>
#include <tarsier/catalogue.h>
#include <tarsier/event.h>
#include <tarsier/status.h>

#endif
