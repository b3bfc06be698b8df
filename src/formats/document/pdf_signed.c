#include "formats/document/pdf_signed.h"

static const char covered[] = "/ByteRange"; /* the bytes that a signature is over */

/* Whether one of the values of a dictionary, which are dictionaries themselves, is a signature. */
static bool has_signature_in(qpdf_data q, qpdf_oh dict, const char *const *keys)
{
    bool found = false;

    for (size_t i = 0; keys[i] && !found; i++) {
        qpdf_oh value = qpdf_oh_get_key(q, dict, keys[i]);
        found = qpdf_oh_is_dictionary(q, value) && qpdf_oh_has_key(q, value, covered);
        qpdf_oh_release(q, value);
    }
    return found;
}

/* A signature, the field that has one, or the permissions that stand on one. */
static bool is_signature(qpdf_data q, qpdf_oh dict)
{
    static const char *const of_field[] = {"/V", NULL};
    static const char *const of_permissions[] = {"/DocMDP", "/UR", "/UR3", NULL};
    qpdf_oh permissions = qpdf_oh_get_key(q, dict, "/Perms");
    bool found =
        qpdf_oh_has_key(q, dict, covered) || has_signature_in(q, dict, of_field) ||
        has_signature_in(q, dict, of_permissions) ||
        (qpdf_oh_is_dictionary(q, permissions) && has_signature_in(q, permissions, of_permissions));

    qpdf_oh_release(q, permissions);
    return found;
}

static bool is_signed_by(qpdf_data q, int id)
{
    qpdf_oh object = qpdf_get_object_by_id(q, id, 0);
    bool found = qpdf_oh_is_dictionary(q, object) && is_signature(q, object);

    qpdf_oh_release(q, object);
    return found;
}

bool pdf_is_signed(qpdf_data q, struct slice bytes)
{
    qpdf_oh trailer = qpdf_get_trailer(q);
    qpdf_oh size = qpdf_oh_get_key(q, trailer, "/Size");
    long long count = qpdf_oh_is_integer(q, size) ? qpdf_oh_get_int_value(q, size) : 0;
    bool found = count > PDF_SIGNED_OBJECTS_MAX ||
                 (bytes.len && memmem(bytes.ptr, bytes.len, covered, sizeof(covered) - 1));

    qpdf_oh_release(q, size);
    for (int id = 1; id < count && !found; id++) {
        found = is_signed_by(q, id);
    }
    return found;
}
