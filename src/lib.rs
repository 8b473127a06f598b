//! `kubectl mc`: joins KubeSphere clusters by direct connection.
