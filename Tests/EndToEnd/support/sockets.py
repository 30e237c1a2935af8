"""A bare socket, read to its end."""


def read_all(connection):
    data = b""
    while part := connection.recv(65536):
        data += part
    return data
