// SPDX-License-Identifier: BSD-3-Clause
#include "detect/quic.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct findings findings;
static const uint8_t id[8] = { 0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08 };

static enum match look(const uint8_t *data, size_t length)
{
	uint8_t *copy = malloc(length + 1);
	const struct sample sample = { .data = memcpy(copy, data, length),
		.length = length,
		.protocol = IPPROTO_UDP,
		.is_from_initiator = true };
	enum match match;

	findings_clear(&findings);
	findings.decryptions_left = 2;
	match = detector_quic.match(&sample, &findings);
	free(copy);
	return match;
}

static void assert_name(const char *name)
{
	const struct value *value = findings_get(&findings, BUFFER_QUIC_SNI);

	if (name == NULL) {
		assert_null(value);
		return;
	}
	assert_non_null(value);
	assert_int_equal(value->length, strlen(name));
	assert_memory_equal(value->data, name, strlen(name));
}

static void assert_hex(const uint8_t *bytes, const char *hex)
{
	for (; *hex != '\0'; hex += 2, bytes++) {
		char digits[3] = { hex[0], hex[1] };

		assert_int_equal(*bytes, strtoul(digits, NULL, 16));
	}
}

// RFC 9001 appendix A.1, RFC 9369 appendix A.1.
static void derives_published_keys(void **)
{
	struct initial initial = { .version = &versions[0], .id = id, .id_length = sizeof(id) };
	struct keys keys;

	derive(&initial, &keys);
	assert_hex(keys.key, "1f369613dd76d5467730efcbe3b1a22d");
	assert_hex(keys.iv, "fa044b2f42a3fd3b46fb255c");
	assert_hex(keys.header, "9f50449e04a0e810283a1e9933adedd2");
	initial.version = &versions[1];
	derive(&initial, &keys);
	assert_hex(keys.key, "8b1a0bc121284290a29e0971b5cd045d");
	assert_hex(keys.iv, "91f73e2351d8fa91660e909f");
	assert_hex(keys.header, "45b95e15235d6f45a6b19cbcb0294ba9");
}

// A ClientHello for `name`, `before` bytes of another extension in front of it.
static size_t make_hello(uint8_t *hello, const char *name, size_t before)
{
	static const uint8_t start[] = { 1, 0, 0, 0, 3, 3 };
	static const uint8_t ciphers[] = { 0, 0, 2, 0x13, 1, 1, 0 };
	size_t size = sizeof(start) + 32, names = strlen(name), extensions = 4 + before + 9 + names;

	memset(hello, 0x5a, CRYPTO_MAX);
	memcpy(hello, start, sizeof(start));
	memcpy(hello + size, ciphers, sizeof(ciphers));
	size += sizeof(ciphers);
	const size_t numbers[] = { extensions, 51, before };
	for (unsigned i = 0; i < 3; i++) {
		hello[size++] = (uint8_t)(numbers[i] >> 8);
		hello[size++] = (uint8_t)numbers[i];
	}
	size += before;
	const size_t more[] = { 0, names + 5, names + 3 };
	for (unsigned i = 0; i < 3; i++) {
		hello[size++] = (uint8_t)(more[i] >> 8);
		hello[size++] = (uint8_t)more[i];
	}
	hello[size++] = 0;
	hello[size++] = (uint8_t)(names >> 8);
	hello[size++] = (uint8_t)names;
	memcpy(hello + size, name, names);
	size += names;
	hello[2] = (uint8_t)((size - 4) >> 8);
	hello[3] = (uint8_t)(size - 4);
	return size;
}

static size_t put_varint(uint8_t *to, size_t value)
{
	to[0] = (uint8_t)(0x40 | value >> 8);
	to[1] = (uint8_t)value;
	return 2;
}

static size_t put_crypto(uint8_t *to, const uint8_t *hello, size_t from, size_t until)
{
	size_t size = 0;

	to[size++] = FRAME_CRYPTO;
	size += put_varint(to + size, from);
	size += put_varint(to + size, until - from);
	memcpy(to + size, hello + from, until - from);
	return size + until - from;
}

// A protected Initial of DATAGRAM_MIN bytes with the frames, the rest PADDING.
static void protect(uint8_t *packet, unsigned version, const uint8_t *frames, size_t count)
{
	struct initial initial = {
		.version = &versions[version], .packet = packet, .id = id, .id_length = sizeof(id)
	};
	const uint32_t number = versions[version].first;
	uint8_t text[DATAGRAM_MIN] = { 0 }, mask[AES_BLOCK_SIZE];
	struct gcm_aes128_ctx gcm;
	struct aes128_ctx aes;
	struct keys keys;
	size_t size = 0, length;

	packet[size++] = (uint8_t)(FORM_LONG | FIXED | versions[version].initial << TYPE_SHIFT | 1);
	for (int shift = 24; shift >= 0; shift -= 8)
		packet[size++] = (uint8_t)(number >> shift);
	packet[size++] = sizeof(id);
	memcpy(packet + size, id, sizeof(id));
	size += sizeof(id);
	packet[size++] = 0; // source connection ID
	packet[size++] = 0; // token
	size += put_varint(packet + size, DATAGRAM_MIN - size - 2);
	packet[size] = 0;
	packet[size + 1] = 2;
	length = DATAGRAM_MIN - size - 2 - TAG_BYTES;
	memcpy(text, frames, count);
	derive(&initial, &keys);
	keys.iv[IV_BYTES - 1] ^= 2;
	gcm_aes128_set_key(&gcm, keys.key);
	gcm_aes128_set_iv(&gcm, IV_BYTES, keys.iv);
	gcm_aes128_update(&gcm, size + 2, packet);
	gcm_aes128_encrypt(&gcm, length, packet + size + 2, text);
	gcm_aes128_digest(&gcm, TAG_BYTES, packet + size + 2 + length);
	aes128_set_encrypt_key(&aes, keys.header);
	aes128_encrypt(&aes, AES_BLOCK_SIZE, mask, packet + size + SAMPLE_OFFSET);
	packet[0] ^= mask[0] & 0x0f;
	packet[size] ^= mask[1];
	packet[size + 1] ^= mask[2];
}

static void reads_name(void **)
{
	uint8_t hello[CRYPTO_MAX], frames[DATAGRAM_MAX], packet[DATAGRAM_MIN];
	size_t length = make_hello(hello, "Media.Example", 100);

	for (unsigned version = 0; version < 4; version++) {
		protect(packet, version, frames, put_crypto(frames, hello, 0, length));
		assert_int_equal(look(packet, sizeof(packet)), MATCH_YES);
		assert_name("media.example");
	}
}

// In any order, with others between them, cut within the name.
static void reads_scattered_frames(void **)
{
	uint8_t hello[CRYPTO_MAX], frames[DATAGRAM_MAX], packet[DATAGRAM_MIN];
	size_t length = make_hello(hello, "media.example", 100), size = 0;

	size += put_crypto(frames, hello, length - 5, length);
	frames[size++] = FRAME_PING;
	frames[size++] = FRAME_PADDING;
	size += put_crypto(frames + size, hello, 0, 50);
	memcpy(frames + size, (uint8_t[]){ FRAME_ACK, 5, 0, 1, 0, 0, 0 }, 7);
	size += 7;
	size += put_crypto(frames + size, hello, 40, length - 5);
	protect(packet, 0, frames, size);
	assert_int_equal(look(packet, sizeof(packet)), MATCH_YES);
	assert_name("media.example");
}

// A hello of two datagrams: whichever holds the extension tells.
static void reads_each_datagram(void **)
{
	uint8_t hello[CRYPTO_MAX], frames[DATAGRAM_MAX], packet[DATAGRAM_MIN];
	size_t length = make_hello(hello, "media.example", 1500), cut = 1000;

	protect(packet, 0, frames, put_crypto(frames, hello, 0, cut));
	assert_int_equal(look(packet, sizeof(packet)), MATCH_YES);
	assert_name(NULL);
	protect(packet, 0, frames, put_crypto(frames, hello, cut, length));
	assert_int_equal(look(packet, sizeof(packet)), MATCH_YES);
	assert_name("media.example");
	// Lengths that do not agree are no name.
	hello[length - 14] ^= 1;
	protect(packet, 0, frames, put_crypto(frames, hello, cut, length));
	assert_int_equal(look(packet, sizeof(packet)), MATCH_YES);
	assert_name(NULL);
}

static void stops_when_it_may(void **)
{
	uint8_t hello[CRYPTO_MAX], frames[DATAGRAM_MAX], packet[DATAGRAM_MIN];
	const struct sample sample = { .data = packet,
		.length = sizeof(packet),
		.protocol = IPPROTO_UDP,
		.is_from_initiator = true };

	protect(packet, 0, frames, put_crypto(frames, hello, 0, make_hello(hello, "a.b", 0)));
	findings_clear(&findings);
	findings.decryptions_left = 1;
	assert_int_equal(detector_quic.match(&sample, &findings), MATCH_YES);
	assert_int_equal(detector_quic.match(&sample, &findings), MATCH_NO);
	assert_int_equal(findings.undecrypted, 1);
}

static void refuses_others(void **)
{
	uint8_t hello[CRYPTO_MAX], frames[DATAGRAM_MAX], packet[DATAGRAM_MIN + 1];
	size_t length = make_hello(hello, "media.example", 0);

	protect(packet, 0, frames, put_crypto(frames, hello, 0, length));
	for (size_t i = 0; i < DATAGRAM_MIN; i++) {
		assert_int_equal(look(packet, i), MATCH_NO);
		packet[i] ^= 0x10;
		assert_int_equal(look(packet, DATAGRAM_MIN), MATCH_NO);
		packet[i] ^= 0x10;
	}
	assert_int_equal(look(packet, DATAGRAM_MIN), MATCH_YES);
}

// Whatever an authentic packet holds.
static void survives_any_frame(void **)
{
	uint8_t frames[DATAGRAM_MIN - 100], packet[DATAGRAM_MIN];

	srand(1);
	for (unsigned round = 0; round < 2000; round++) {
		for (size_t i = 0; i < sizeof(frames); i++)
			frames[i] = (uint8_t)(rand() % 8 < 5 ? rand() % 8 : rand());
		protect(packet, 0, frames, sizeof(frames));
		assert_int_equal(look(packet, sizeof(packet)), MATCH_YES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(derives_published_keys),
		cmocka_unit_test(reads_name),
		cmocka_unit_test(reads_scattered_frames),
		cmocka_unit_test(reads_each_datagram),
		cmocka_unit_test(stops_when_it_may),
		cmocka_unit_test(refuses_others),
		cmocka_unit_test(survives_any_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
