/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a cgroup's name to the container that it is of.
 */
#ifndef TSR_CONTAINER_CGROUP_H
#define TSR_CONTAINER_CGROUP_H

#include "event/event.h"

/* The 64 hex digits in a cgroup's leaf name, as runtimes put them there; empty if it has none. */
str_t cgroup_container_id(str_t leaf);

/* The runtime that the name gives away ("docker", "crio", "containerd", "podman"), or NULL. */
const char *cgroup_runtime(str_t leaf);

#endif
