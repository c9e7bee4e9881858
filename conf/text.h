/* SPDX-License-Identifier: MIT */
/*
 * Pure helpers on text: comma lists, character classes, likeness of words.
 */
#ifndef CONF_TEXT_H
#define CONF_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Words longer than this, with their NUL, are cut before they are compared. */
#define NSH_DISTANCE_TEXT_MAX 64

/* Words that differ in this many letters or more are not alike. */
#define NSH_DISTANCE_FAR 5

/* The number of letters to insert, delete or change that makes one word of the other. */
size_t nsh_distance(const char *a, const char *b);

/* True when c is one of the letters, digits and "_" that names of variables are made of. */
bool nsh_is_word(char c);

/*
 * Reads a user or group id: decimal digits and nothing else. Returns false for all others, and for
 * (uint32_t)-1, which is no id.
 */
bool nsh_parse_id(const char *text, size_t len, uint32_t *id);

#endif
