/*
 * SPDX-License-Identifier: Apache-2.0
 *
 * The program that the storms start: it does nothing, successfully. It is static and as
 * small as libc allows, so that an exec costs as little as it can and an agent's share of
 * the time is as large as it can be; /bin/true would hide a part of it behind ld.so.
 */

int main(void)
{
	return 0;
}
