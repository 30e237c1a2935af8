// Addresses and limits are part of this library's API: one import is enough.
@_exported public import MartletHTTP
