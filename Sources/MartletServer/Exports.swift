// Addresses and limits, errors, keys and files that are read again are part of this library's API: one import is
// enough.
@_exported public import MartletAuth
@_exported public import MartletHTTP
@_exported public import MartletService
